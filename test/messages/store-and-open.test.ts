import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { newAccountId } from '../../lib/kernel/ids.ts';
import { all, collect, inPieces, openTestRoom, type TestRoom } from './message-room.ts';

const CRLF = '\r\n';

function wrap(text: string, length: number, lineEnd: string): string {
  return text.match(new RegExp(`.{1,${length}}`, 'g'))?.join(lineEnd) ?? '';
}

/** A message with two attachments, one of which is base64 in lines of a length. */
function mixed(attachment: Buffer, lineLength = 76, lineEnd = CRLF): Buffer {
  return Buffer.from(
    [
      'From: a@example.com',
      'To: b@example.com',
      'Subject: two attachments',
      'Message-ID: <mixed@example.com>',
      'Date: Thu, 1 Jan 2026 12:00:00 +0200',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary="b1"',
      '',
      'preamble',
      '--b1',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      'Hello w=C3=B6rld, this is the text.',
      '--b1',
      'Content-Type: image/png; name="picture.png"',
      'Content-Disposition: attachment; filename="picture.png"',
      'Content-Transfer-Encoding: base64',
      '',
      wrap(attachment.toString('base64'), lineLength, lineEnd),
      '--b1',
      'Content-Type: text/csv',
      'Content-Disposition: attachment; filename="table.csv"',
      '',
      'a,b,c\r\n'.repeat(8000),
      '--b1--',
      'epilogue',
      '',
    ].join(CRLF),
    'latin1',
  );
}

describe('storing and opening messages', () => {
  let room: TestRoom;
  before(async () => {
    room = await openTestRoom();
  });
  after(() => room.close());

  it('gives the octets back that came in', async () => {
    const account = newAccountId();
    for (const octets of [
      Buffer.alloc(0),
      Buffer.from('\r\n'),
      Buffer.from('no header at all'),
      Buffer.from('Subject: x\n\nbare LF\nand NUL \0 and 8 bit \xff', 'latin1'),
      mixed(randomBytes(100_000)),
      mixed(randomBytes(700_001)),
    ]) {
      const stored = await room.put(account, octets);
      assert.equal(stored.size, octets.length);
      const opened = await room.messages.open(account, stored.messageId);
      assert.ok((await collect(opened.range(0, Infinity))).equals(octets));
    }
  });

  it('puts the prefix before the octets and shifts the parts', async () => {
    const account = newAccountId();
    const octets = mixed(randomBytes(50_000));
    const prefix = Buffer.from('Return-Path: <a@example.com>\r\nReceived: from x\r\n');
    const stored = await room.put(account, octets, {
      prefix,
      origin: { kind: 'delivery', recipient: 'b@example.com' },
    });
    assert.equal(stored.size, prefix.length + octets.length);
    const opened = await room.messages.open(account, stored.messageId);
    assert.ok((await collect(opened.range(0, stored.size))).equals(Buffer.concat([prefix, octets])));
    const root = opened.parts[0];
    assert.ok(root);
    assert.equal(root.headerStart, 0);
    assert.ok((await opened.readRange(0, root.bodyStart)).toString().endsWith('boundary="b1"\r\n\r\n'));
    const [digest] = await all(room.messages.digests(account, [stored.messageId]));
    assert.ok(digest);
    assert.ok(digest.headers.toString().startsWith('Return-Path: <a@example.com>\r\nFrom: a@example.com\r\n'));
    assert.equal(digest.preview, 'Hello wörld, this is the text.');
    assert.equal(digest.hasAttachments, true);
    assert.deepEqual(stored.sentAt, { at: Date.UTC(2026, 0, 1, 10), zoneMinutes: 120 });
  });

  it('reads any range', async () => {
    const account = newAccountId();
    const octets = mixed(randomBytes(120_000), 60, '\n');
    const stored = await room.put(account, octets);
    const opened = await room.messages.open(account, stored.messageId);
    for (const size of [1009, 7919, 65_537]) {
      const pieces: Buffer[] = [];
      for (let start = 0; start < octets.length; start += size)
        pieces.push(await opened.readRange(start, start + size));
      assert.ok(Buffer.concat(pieces).equals(octets), `pieces of ${size}`);
    }
    for (let round = 0; round < 300; round += 1) {
      const start = Math.floor(Math.random() * octets.length);
      const end = start + Math.floor(Math.random() * 200);
      assert.ok((await opened.readRange(start, end)).equals(octets.subarray(start, end)), `[${start}, ${end})`);
    }
    assert.equal((await opened.readRange(-5, 3)).toString(), octets.toString('latin1', 0, 3));
    assert.equal((await opened.readRange(octets.length, octets.length + 9)).length, 0);
  });

  it('decodes parts', async () => {
    const account = newAccountId();
    const picture = randomBytes(90_000);
    const stored = await room.put(account, mixed(picture));
    const opened = await room.messages.open(account, stored.messageId);
    assert.equal((await collect(opened.decoded(1))).toString(), 'Hello wörld, this is the text.');
    assert.ok((await collect(opened.decoded(2))).equals(picture));
    assert.equal(opened.parts[2]?.filename, 'picture.png');
    assert.match(opened.attachmentOf(2) ?? '', /^[0-9a-f]{64}$/);
    assert.equal(opened.attachmentOf(1), undefined);
  });

  it('is indifferent to how the octets arrive', async () => {
    const account = newAccountId();
    const octets = mixed(randomBytes(40_000));
    const ids = new Set<string>();
    for (const size of [17, 4096, 1 << 20]) {
      const ingested = await room.messages.ingest(inPieces(octets, size), { maxOctets: octets.length });
      const stored = await room.messages.store(account, ingested, {
        origin: { kind: 'append' },
        prefix: Buffer.alloc(0),
        q: 1,
        now: 0,
      });
      await ingested.dispose();
      ids.add(stored.messageId);
    }
    assert.equal(ids.size, 1);
    await assert.rejects(room.messages.ingest(inPieces(octets, 999), { maxOctets: octets.length - 1 }), {
      code: 'too-big',
    });
  });
});
