import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { createAttachments } from '../../lib/attachments/index.ts';
import { newAccountId } from '../../lib/kernel/ids.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { createMessages, type MessagesRoom } from '../../lib/messages/index.ts';
import { Spool } from '../../lib/messages/spool.ts';
import { APPEND, collect, inPieces, openTestRoom, plainRenderer, type TestRoom } from './message-room.ts';

describe('reading a message in', () => {
  let room: TestRoom;
  let directory: string;
  before(async () => {
    room = await openTestRoom();
    directory = await mkdtemp(join(tmpdir(), 'eider-spool-'));
  });
  after(async () => {
    await room.close();
    await rm(directory, { recursive: true });
  });

  const roomWith = (spoolDir: string): MessagesRoom => {
    const { database, clock } = room;
    const attachments = createAttachments({ database, clock });
    return createMessages({ database, attachments, clock, logger: silentLogger, renderer: plainRenderer(), spoolDir });
  };

  it('takes just as much as is allowed', async () => {
    const messages = roomWith(directory);
    for (const size of [1000, 300_000]) {
      const octets = randomBytes(size);
      for (const maxOctets of [size, size + 1]) {
        const ingested = await messages.ingest(inPieces(octets, 999), { maxOctets });
        assert.equal(ingested.size, size);
        await ingested.dispose();
      }
      await assert.rejects(messages.ingest(inPieces(octets, 999), { maxOctets: size - 1 }), { code: 'too-big' });
    }
  });

  it('stops reading as soon as it is too much', async () => {
    let read = 0;
    const source = Readable.from(
      (function* () {
        for (;;) {
          read += 1;
          yield Buffer.alloc(1000);
        }
      })(),
      { objectMode: true, highWaterMark: 1 },
    );
    await assert.rejects(roomWith(directory).ingest(source, { maxOctets: 10_000 }), { code: 'too-big' });
    assert.ok(read < 20, `${read} pieces`);
    assert.ok(source.destroyed);
  });

  it('reads no faster than it writes', async () => {
    let ahead = 0;
    let most = 0;
    const spool = new Spool({ directory, memoryOctets: 64 * 1024 });
    await Promise.all(
      Array.from({ length: 1 }, async () => {
        for (let piece = 0; piece < 100; piece += 1) {
          ahead += 1;
          most = Math.max(most, ahead);
          await spool.write(Buffer.alloc(64 * 1024));
          ahead -= 1;
        }
      }),
    );
    await spool.finish();
    assert.equal(spool.size, 6_553_600);
    assert.equal(most, 1);
    await spool.dispose();
  });

  it('leaves nothing in the spool folder, whatever happens', async () => {
    const messages = roomWith(directory);
    const octets = randomBytes(1_000_000);
    const ingested = await messages.ingest(inPieces(octets, 50_000), { maxOctets: 1 << 21 });
    await messages.store(newAccountId(), ingested, APPEND);
    await ingested.dispose();
    await ingested.dispose();
    const failing = async function* (): AsyncGenerator<Buffer> {
      yield* inPieces(octets, 50_000);
      throw new Error('the peer went away');
    };
    await assert.rejects(messages.ingest(failing(), { maxOctets: 1 << 21 }), /the peer went away/);
    const aborted = new AbortController();
    const slow = async function* (): AsyncGenerator<Buffer> {
      yield octets;
      aborted.abort(new Error('too slow'));
      yield octets;
    };
    await assert.rejects(messages.ingest(slow(), { maxOctets: 1 << 22, signal: aborted.signal }), /too slow/);
    assert.deepEqual(await readdir(directory), []);
  });

  it('answers temporarily where the disk does not take it', async () => {
    const file = join(directory, 'no-folder');
    await writeFile(file, '');
    await assert.rejects(roomWith(file).ingest(inPieces(randomBytes(400_000), 10_000), { maxOctets: 1 << 20 }), {
      code: 'unavailable',
    });
    await rm(file);
  });

  it('does not keep what the source uses again', async () => {
    const buffer = Buffer.alloc(1000);
    const source = async function* (): AsyncGenerator<Buffer> {
      for (let round = 0; round < 50; round += 1) yield buffer.fill(65 + (round % 26));
    };
    const messages = roomWith(directory);
    const ingested = await messages.ingest(source(), { maxOctets: 1 << 20 });
    const account = newAccountId();
    const { messageId } = await messages.store(account, ingested, APPEND);
    await ingested.dispose();
    const octets = await collect((await messages.open(account, messageId)).range(0, Infinity));
    assert.equal(
      octets
        .toString('latin1')
        .replace(/(.)\1*/g, '$1')
        .slice(0, 27),
      'ABCDEFGHIJKLMNOPQRSTUVWXYZA',
    );
  });
});
