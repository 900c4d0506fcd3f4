/**
 * `npm run test:docdb`: the tests that need a database, on an independent server of MongoDB's protocol instead of the
 * embedded engine: the driver contract, the rooms, and the whole server end to end. It is started here
 * (test/docdb/README.md) unless EIDER_TEST_MONGODB names a server already. Arguments are parts of file names.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { glob } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { runTestFiles } from './support/test-runner.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Rooms whose tests open a database by test/support, and the whole server. */
const PARTS = [
  'accounts',
  'addresses',
  'api',
  'attachments',
  'auth',
  'backup',
  'delivery',
  'e2e',
  'embedded/contract',
  'journal',
  'messages',
  'nodes',
  'workers',
];

interface Server {
  readonly uri: string;
  stop(): Promise<void>;
}

async function startDocumentDb(): Promise<Server> {
  const child: ChildProcess = spawn(join(ROOT, 'test/docdb/start'), [], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  if (child.stdout === null) throw new Error('no output');
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('mongodb://')) return { uri: line.trim(), stop };
  }
  throw new Error('DocumentDB could not be started; see test/docdb/README.md');
}

const given = process.env['EIDER_TEST_MONGODB'];
const server = given === undefined ? await startDocumentDb() : { uri: given, stop: async () => undefined };
process.env['EIDER_TEST_MONGODB'] = server.uri;
// Of a server that was given nobody knows what it lacks: the contract holds it to everything.
if (given === undefined) process.env['EIDER_TEST_DOCDB'] = server.uri;
try {
  const wanted = process.argv.slice(2);
  const files: string[] = [];
  for await (const file of glob('test/**/*.test.ts', { cwd: ROOT })) {
    const isOfDatabase = PARTS.some((part) => file.startsWith(join('test', part)));
    if (isOfDatabase && (wanted.length === 0 || wanted.some((part) => file.includes(part))))
      files.push(join(ROOT, file));
  }
  // The server does some hundred operations a second: what takes seconds on the engine takes minutes here.
  const counts = await runTestFiles(files.sort(), { root: ROOT, concurrency: 2, timeoutMs: 15 * 60_000 });
  process.stdout.write(
    `on ${server.uri}: ${String(counts.passed)} passed, ${String(counts.failed)} failed, ${String(counts.skipped)} skipped\n`,
  );
  process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
} finally {
  await server.stop();
}
