import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const RUNNER = fileURLToPath(new URL('../support/test-runner.ts', import.meta.url));

/** What the runner says of a file of tests, and its counts. */
async function ran(source: string): Promise<{ readonly told: string; readonly counts: unknown }> {
  const folder = await mkdtemp(join(tmpdir(), 'eider-runner-'));
  try {
    const file = join(folder, 'some.test.mjs');
    await writeFile(file, `import assert from 'node:assert';\nimport { describe, it } from 'node:test';\n${source}`);
    const program = `
      import { runTestFiles } from ${JSON.stringify(RUNNER)};
      const options = { root: ${JSON.stringify(folder)}, concurrency: 1, timeoutMs: 60000 };
      process.stderr.write(JSON.stringify(await runTestFiles([${JSON.stringify(file)}], options)));`;
    await writeFile(join(folder, 'program.mjs'), program);
    const child = spawn(process.execPath, [join(folder, 'program.mjs')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A runner inside a runner would run nothing.
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_NO_WARNINGS: '1' },
    });
    let told = '';
    let counts = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (told += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (counts += text));
    await once(child, 'close');
    return { told, counts: JSON.parse(counts) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('the runner of tests', () => {
  for (const [what, source, counts, told] of [
    [
      'counts tests, not their suites',
      `describe('s', () => { it('a', () => {}); it('b', () => assert.fail('so it is')); });`,
      { passed: 1, failed: 1, skipped: 0 },
      /FAILED {3}some.test.mjs[^]*FAILED {3}b\n[^]*so it is/,
    ],
    [
      'names a test that is skipped',
      `it('a', { skip: 'no server' }, () => {}); it('b', () => {});`,
      { passed: 1, failed: 0, skipped: 1 },
      /skipped {2}a \(no server\)/,
    ],
    [
      'names a suite that is skipped, and does not take its file for empty',
      `describe('s', { skip: 'no server' }, () => { it('a', () => {}); });`,
      { passed: 0, failed: 0, skipped: 1 },
      /skipped {2}s \(no server\)/,
    ],
    ['takes a file without a test for a failure', '', { passed: 0, failed: 1, skipped: 0 }, /has no test in it/],
    [
      'takes a file that cannot run for a failure',
      `throw new Error('broken');`,
      { passed: 0, failed: 1, skipped: 0 },
      /FAILED/,
    ],
  ] as const) {
    it(what, async () => {
      const found = await ran(source);
      assert.deepEqual(found.counts, counts);
      assert.match(found.told, told);
    });
  }
});
