/**
 * Stores the message in the named file and reads it back slowly; prints by how many octets that raised the peak of
 * memory. Runs as a process of its own, for the peak (VmHWM) of a process never falls.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAttachments } from '../../lib/attachments/index.ts';
import { openDatabase } from '../../lib/db/index.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { newAccountId } from '../../lib/kernel/ids.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { createMessages, type StoreOptions } from '../../lib/messages/index.ts';
import { watchLoop } from './event-loop.ts';

const NOTHING = Buffer.alloc(0);

function peak(): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'));
  return Number(line?.[1]) * 1024;
}

const [path = '', uri = ''] = process.argv.slice(2);
const database = await openDatabase({
  uri: uri === '' ? (process.env['EIDER_TEST_MONGODB'] ?? '') : uri,
  name: `test-${randomBytes(6).toString('hex')}`,
});
const spoolDir = await mkdtemp(join(tmpdir(), 'eider-spool-'));
const messages = createMessages({
  database,
  attachments: createAttachments({ database, clock: systemClock }),
  clock: systemClock,
  logger: silentLogger,
  renderer: { version: 1, render: () => ({ envelope: NOTHING, bodyStructure: NOTHING, body: NOTHING }) },
  spoolDir,
});
const account = newAccountId();
const options: StoreOptions = { origin: { kind: 'append' }, prefix: NOTHING, q: 1, now: systemClock.now() };

// The first message pays for what every process needs once.
async function* warm(): AsyncGenerator<Buffer> {
  yield Buffer.from('Subject: warm\r\n\r\n');
  for (let piece = 0; piece < 20; piece += 1) yield randomBytes(64 * 1024);
}
const first = await messages.ingest(warm(), { maxOctets: 128 << 20 });
const warmed = await messages.store(account, first, options);
await first.dispose();
for await (const piece of (await messages.open(account, warmed.messageId)).range(0, Infinity)) assert.ok(piece);
await setImmediate();
const before = peak();
const longest = watchLoop();

const sent = createHash('sha256');
async function* source(): AsyncGenerator<Buffer> {
  for await (const piece of createReadStream(path)) {
    sent.update(piece as Buffer);
    yield piece as Buffer;
  }
}
const ingested = await messages.ingest(source(), { maxOctets: 128 << 20 });
const stored = await messages.store(account, ingested, options);
await ingested.dispose();
const opened = await messages.open(account, stored.messageId);
const got = createHash('sha256');
let pieces = 0;
for await (const piece of opened.range(0, Infinity)) {
  got.update(piece as Buffer);
  pieces += 1;
  if (pieces % 16 === 0) await setImmediate();
}
const held = longest();
assert.equal(got.digest('hex'), sent.digest('hex'));
const grown = peak() - before;
await database.db.dropDatabase();
await database.close();
await rm(spoolDir, { recursive: true });
process.stdout.write(`${JSON.stringify({ size: stored.size, grown, held: Math.round(held) })}\n`);
