import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const INSTALL = pathToFileURL(join(ROOT, 'setup/install.mjs')).href;

/** Stands for npm: writes a line each time it runs, takes its time, and leaves what npm leaves. */
const FAKE_NPM = `
import { appendFileSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
appendFileSync('npm.log', process.argv.slice(2).join(' ') + '\\n');
if (existsSync('broken')) process.exit(7);
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
mkdirSync('node_modules', { recursive: true });
copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
`;

const LOCK = {
  packages: {
    '': { name: 'x' },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '2.0.0', optional: true, os: ['nowhere'] },
  },
};

describe('installing before the start', () => {
  let root = '';
  let npm = '';
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'eider-install-'));
    npm = join(root, 'npm-cli.js');
    await writeFile(join(root, 'package.json'), '{"type":"module"}');
    await writeFile(npm, FAKE_NPM);
    await writeFile(join(root, 'package-lock.json'), JSON.stringify(LOCK));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const install = (): ChildProcess =>
    spawn(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `import { ensureInstalled } from ${JSON.stringify(INSTALL)};
         try { ensureInstalled(process.argv[1]); } catch (error) { console.error(error.message); process.exit(1); }`,
        root,
      ],
      { env: { ...process.env, npm_execpath: npm }, stdio: 'ignore' },
    );
  const exitCode = async (child: ChildProcess): Promise<number | null> => {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code;
  };
  const runs = async (): Promise<number> => {
    const log = await readFile(join(root, 'npm.log'), 'utf8').catch(() => '');
    return log.split('\n').length - 1;
  };

  it('runs npm ci without scripts, once, and not again', async () => {
    assert.equal(await exitCode(install()), 0);
    assert.equal(await exitCode(install()), 0);
    assert.equal(await runs(), 1);
    assert.match(await readFile(join(root, 'npm.log'), 'utf8'), /^ci --ignore-scripts /);
  });

  it('runs once for five that start together', async () => {
    const codes = await Promise.all(Array.from({ length: 5 }, () => exitCode(install())));
    assert.deepEqual(codes, [0, 0, 0, 0, 0]);
    assert.equal(await runs(), 1);
    assert.deepEqual(await readdir(join(root, '.cache')), []);
  });

  it('takes over from one that died', async () => {
    const dead = spawnSync(process.execPath, ['--eval', '']);
    await mkdir(join(root, '.cache'));
    await writeFile(join(root, '.cache/install.lock'), String(dead.pid));
    const codes = await Promise.all([exitCode(install()), exitCode(install())]);
    assert.deepEqual(codes, [0, 0]);
    assert.equal(await runs(), 1);
  });

  it('runs again when the lock file names another version', async () => {
    await exitCode(install());
    const changed = { packages: { ...LOCK.packages, 'node_modules/a': { version: '1.0.1' } } };
    await writeFile(join(root, 'package-lock.json'), JSON.stringify(changed));
    assert.equal(await exitCode(install()), 0);
    assert.equal(await runs(), 2);
  });

  it('takes an installation for good that npm says is the same, without what is optional', async () => {
    await mkdir(join(root, 'node_modules'));
    const present = { 'node_modules/a': LOCK.packages['node_modules/a'] };
    await writeFile(join(root, 'node_modules/.package-lock.json'), JSON.stringify({ packages: present }));
    assert.equal(await exitCode(install()), 0);
    assert.equal(await runs(), 0);
  });

  it('fails where npm does, and tries again the next time', async () => {
    await writeFile(join(root, 'broken'), '');
    assert.equal(await exitCode(install()), 1);
    await rm(join(root, 'broken'));
    assert.equal(await exitCode(install()), 0);
    assert.equal(await runs(), 2);
  });

  it('leaves an installed copy of the package alone, which has no lock file', async () => {
    await rm(join(root, 'package-lock.json'));
    assert.equal(await exitCode(install()), 0);
    assert.equal(existsSync(join(root, '.cache')), false);
  });
});

describe('running on Node 24', () => {
  let folder = '';
  beforeEach(async () => {
    await mkdir(join(ROOT, '.cache'), { recursive: true });
    folder = await mkdtemp(join(ROOT, '.cache', 'test-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function start(script: string, ...args: readonly string[]): Promise<ChildProcess> {
    const file = join(folder, 'script.ts');
    await writeFile(file, script);
    const child = spawn(process.execPath, [join(ROOT, 'setup/node24.mjs'), file, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, npm_lifecycle_event: undefined },
    });
    child.stdout.setEncoding('utf8');
    return child;
  }
  const firstLine = async (child: ChildProcess): Promise<string> => {
    assert.ok(child.stdout);
    const [text] = (await once(child.stdout, 'data')) as [string];
    return text.trim();
  };

  it('strips types, hands arguments over, keeps the exit code', async () => {
    const child = await start(
      'const code: number = 42; console.log(process.argv.slice(2).join()); process.exit(code);',
      'a b',
      '--c',
    );
    const ended = once(child, 'exit');
    assert.equal(await firstLine(child), 'a b,--c');
    assert.deepEqual(await ended, [42, null]);
  });

  it('has what the server needs', async () => {
    const child = await start(
      "import { argon2 } from 'node:crypto'; import { DatabaseSync } from 'node:sqlite'; console.log(typeof argon2, typeof DatabaseSync, process.versions.node);",
    );
    assert.match(await firstLine(child), /^function function 2[4-9]\./);
  });

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    it(`passes ${signal} on and ends as the other one does`, async () => {
      const child = await start(
        `process.on('${signal}', () => process.exit(9)); setInterval(() => undefined, 1000); console.log('ready');`,
      );
      assert.equal(await firstLine(child), 'ready');
      const ended = once(child, 'exit');
      child.kill(signal);
      assert.deepEqual(await ended, [9, null]);
    });
  }

  it('dies of the signal that the other one dies of', async () => {
    const child = await start("setInterval(() => undefined, 1000); console.log('ready');");
    assert.equal(await firstLine(child), 'ready');
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [null, 'SIGTERM']);
  });
});
