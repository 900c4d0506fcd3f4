/**
 * Stores one large message and reads it back slowly; prints by how many octets that raised the peak of memory. Runs as
 * a process of its own, for the peak (VmHWM) of a process never falls.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { newAccountId } from '../../lib/kernel/ids.ts';
import { largeMessage, type LargeKind } from './large-message.ts';
import { APPEND, openTestRoom } from './message-room.ts';

function peak(): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'));
  return Number(line?.[1]) * 1024;
}

/** The longest that the event loop was held, in milliseconds. */
function watchLoop(): () => number {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - 10);
    last = now;
  }, 10);
  return () => {
    clearInterval(timer);
    return longest;
  };
}

const kind = process.argv[2] as LargeKind;
const octets = Number(process.argv[3]);
const room = await openTestRoom();
const account = newAccountId();
// The first message pays for what every process needs once.
await room.put(account, Buffer.concat([Buffer.from('Subject: warm\r\n\r\n'), randomBytes(600_000)]));
await setImmediate();
const before = peak();
const longest = watchLoop();

const sent = createHash('sha256');
async function* source(): AsyncGenerator<Buffer> {
  for await (const piece of largeMessage(kind, octets)) {
    sent.update(piece);
    yield piece;
  }
}
const ingested = await room.messages.ingest(source(), { maxOctets: 128 << 20 });
const stored = await room.messages.store(account, ingested, APPEND);
await ingested.dispose();
const opened = await room.messages.open(account, stored.messageId);
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
await room.close();
process.stdout.write(`${JSON.stringify({ size: stored.size, grown, held: Math.round(held) })}\n`);
