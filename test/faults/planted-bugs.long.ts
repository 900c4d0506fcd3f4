import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'node:test';
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PARTS = ['api', 'config', 'imap-core', 'lib', 'setup', 'test', 'workers', 'package.json', 'tsconfig.json'];
/** For one file of tests; a planted bug may well make one hang. */
const LIMIT_MS = 240_000;

interface TestRun {
  readonly passed: number;
  readonly failed: readonly string[];
}

/** Runs one file of tests in the copied tree. */
async function run(tree: string, { test, pattern }: Pick<PlantedBug, 'test' | 'pattern'>): Promise<TestRun> {
  const flags = ['--disable-warning=ExperimentalWarning', '--test', '--test-reporter=tap'];
  if (pattern !== undefined) flags.push(`--test-name-pattern=${pattern}`);
  // Of a run within a run of node:test the reports would be its own. Experiments run once, and look for no least load.
  const child = spawn(process.execPath, [...flags, test], {
    cwd: tree,
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, EIDER_TEST_SHRINK: '0', EIDER_TEST_RUNS: '1' },
  });
  let report = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (report += text));
  const timer = setTimeout(() => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, LIMIT_MS);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  // Suites and files are told besides their tests; they say so below.
  const told = [...report.matchAll(/^ *(not ok|ok) \d+ - ([^\n]*)\n(?: *---\n((?:(?! *\.\.\.\n)[^\n]*\n)*))?/gm)];
  const tests = told.filter(([, , , details = '']) => details.includes("type: 'test'"));
  const failed = tests.filter(([, outcome]) => outcome === 'not ok').map(([, , name = '']) => name);
  const passed = tests.filter(([line, outcome]) => outcome === 'ok' && !line.includes('# SKIP')).length;
  return { passed, failed: code === 0 ? [] : failed.length > 0 ? failed : [`ended with ${String(code)}`] };
}

describe('a planted bug', () => {
  let tree: string;
  const rows: string[] = [];

  before(async () => {
    tree = await mkdtemp(join(tmpdir(), 'eider-planted-'));
    for (const part of PARTS) await cp(join(ROOT, part), join(tree, part), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  });
  after(() => rm(tree, { recursive: true, force: true, maxRetries: 5 }));

  const runs = new Map(PLANTED_BUGS.map((bug) => [`${bug.test} ${bug.pattern ?? ''}`, bug]));
  for (const [name, bug] of runs)
    it(`none: ${name} passes`, { timeout: LIMIT_MS + 10_000 }, async () => {
      const { passed, failed } = await run(tree, bug);
      assert.deepEqual(failed, []);
      assert.ok(passed > 0, 'a test ran');
    });

  for (const bug of PLANTED_BUGS)
    it(bug.name, { timeout: LIMIT_MS + 10_000 }, async () => {
      const file = join(tree, bug.file);
      const source = await readFile(file, 'utf8');
      assert.equal(source.split(bug.text).length, 2, `${bug.file} has the text to be changed once`);
      await writeFile(
        file,
        source.replace(bug.text, () => bug.instead),
      );
      try {
        const { failed } = await run(tree, bug);
        assert.notEqual(failed.length, 0, `${bug.test} sees it`);
        rows.push(`${bug.name}\n    ${bug.test}: ${failed.join('; ')}`);
      } finally {
        await writeFile(file, source);
      }
    });

  it('each turned a test red', (t) => {
    t.diagnostic(`\n${rows.join('\n')}`);
    assert.equal(rows.length, PLANTED_BUGS.length);
  });
});
