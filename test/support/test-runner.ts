import { relative } from 'node:path';
import { finished } from 'node:stream/promises';
import { run } from 'node:test';
import { inspect } from 'node:util';

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface TestRunOptions {
  /** Folder that file names are printed relative to. */
  readonly root: string;
  /** Files that run at the same time, each in a process of its own. */
  readonly concurrency: number;
  /** After this a file counts as failed, in milliseconds. */
  readonly timeoutMs: number;
}

const OWN_SUMMARY = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /;

interface FileTally {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Runs the files with node:test and prints a line for each, with every failure and the name of every skip. Tests
 * are counted, and of suites those that are skipped whole; a file that cannot run, or has no test in it, is a failure.
 */
export async function runTestFiles(files: readonly string[], options: TestRunOptions): Promise<TestCounts> {
  const waiting = [...files];
  const total: FileTally = { passed: 0, failed: 0, skipped: 0 };
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const tally = await runFile(file, options);
      total.passed += tally.passed;
      total.failed += tally.failed;
      total.skipped += tally.skipped;
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, work));
  return total;
}

/** A run of its own for each file, so that one that hangs is ended alone. */
async function runFile(file: string, options: TestRunOptions): Promise<FileTally> {
  const startedAt = performance.now();
  const tally: FileTally = { passed: 0, failed: 0, skipped: 0 };
  const lines: string[] = [];
  const fail = (testName: string, reason: string): void => {
    tally.failed += 1;
    lines.push(`FAILED   ${testName}`, indent(reason));
  };
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const stream = run({ files: [file], isolation: 'process', signal: deadline });
  stream.on('test:pass', (event) => {
    if (event.name === file) return;
    if (event.skip === undefined || event.skip === false) {
      if (event.details.type !== 'suite') tally.passed += 1;
    } else {
      tally.skipped += 1;
      lines.push(`skipped  ${event.name}${typeof event.skip === 'string' ? ` (${event.skip})` : ''}`);
    }
  });
  stream.on('test:fail', (event) => {
    // A suite fails because of its tests, which are told themselves.
    if (failureType(event.details.error) === 'subtestsFailed') return;
    if (event.name === file)
      fail('(the file)', deadline.aborted ? 'ended: it took too long' : describe(event.details.error));
    else fail(event.name, describe(event.details.error));
  });
  stream.on('test:stderr', (event) => lines.push(indent(event.message.trimEnd())));
  stream.on('test:stdout', (event) => lines.push(indent(event.message.trimEnd())));
  // Figures that a test reports with `context.diagnostic`; the runner's own counts stand in the last line.
  stream.on('test:diagnostic', (event) => {
    if (!OWN_SUMMARY.test(event.message)) lines.push(indent(event.message));
  });
  stream.resume();
  await finished(stream);
  if (tally.passed + tally.failed + tally.skipped === 0) fail('(the file)', 'has no test in it');
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  lines.unshift(
    `${tally.failed === 0 ? 'ok      ' : 'FAILED  '} ${relative(options.root, file)} (${String(tally.passed)} tests, ${seconds} s)`,
  );
  process.stdout.write(`${lines.join('\n')}\n`);
  return tally;
}

function failureType(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'failureType' in error ? error.failureType : undefined;
}

function describe(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return inspect(cause, { depth: 4, breakLength: 120, maxStringLength: 4000 });
}

function indent(text: string): string {
  return text.replace(/^/gm, '         ');
}
