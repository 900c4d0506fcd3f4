import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { decodeText, encodedSize, encodeRange, type Base64Layout } from '../../lib/messages/base64-layout.ts';
import { Base64Reader, type Base64Text } from '../../lib/messages/base64-reader.ts';
import { collect, inPieces } from './message-room.ts';

interface Variant {
  readonly lineLength: number;
  readonly lineEnd: string;
  readonly isPadded: boolean;
  readonly trailer: string;
}

/** The plain way to write it, to hold the streaming one against. */
function write(content: Buffer, { lineLength, lineEnd, isPadded, trailer }: Variant): string {
  const text = content.toString('base64');
  const characters = isPadded ? text : text.replace(/=+$/, '');
  const lines = lineLength === 0 ? [characters] : (characters.match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? []);
  return lines.join(lineEnd) + trailer;
}

function read(octets: Buffer, pieceSize: number): Base64Text | undefined {
  const reader = new Base64Reader();
  for (let start = 0; start < octets.length; start += pieceSize)
    reader.write(octets.subarray(start, start + pieceSize));
  return reader.end();
}

async function rewrite(text: Base64Text, content: Buffer, start = 0, end = text.length): Promise<Buffer> {
  return collect(
    encodeRange(text.layout, text.decodedSize, start, end, (from, to) => inPieces(content.subarray(from, to), 997)),
  );
}

describe('base64 text that can be written again', () => {
  const variants: Variant[] = [];
  for (const lineLength of [0, 4, 60, 64, 72, 76, 996]) {
    for (const lineEnd of ['\r\n', '\n']) {
      for (const isPadded of [true, false]) {
        for (const trailer of ['', lineEnd, `${lineEnd}${lineEnd}`, `${lineEnd}-- \r\nThe list`]) {
          variants.push({ lineLength, lineEnd, isPadded, trailer });
        }
      }
    }
  }

  it('is found whole in every regular layout, however it is cut', async () => {
    const sizes = [57 * 30, 57 * 30 + 1, 57 * 30 + 2, 98_305];
    for (const [index, variant] of variants.entries()) {
      const content = randomBytes(sizes[index % sizes.length]!);
      const octets = Buffer.from(write(content, variant), 'latin1');
      const text = read(octets, [1, 61, 4096, 1 << 20][index % 4]!);
      const name = JSON.stringify({ ...variant, size: content.length });
      assert.ok(text, name);
      assert.equal(text.length, octets.length - variant.trailer.length, name);
      assert.equal(text.hash, createHash('sha256').update(content).digest('hex'), name);
      assert.equal(encodedSize(text.layout, text.decodedSize), text.length, name);
      assert.ok((await rewrite(text, content)).equals(octets.subarray(0, text.length)), name);
      assert.ok(
        (await collect(decodeText(text.layout, inPieces(octets.subarray(0, text.length), 1013)))).equals(content),
        name,
      );
    }
  });

  it('gives any range of itself', async () => {
    for (const variant of variants.filter(({ trailer }) => trailer === '')) {
      const content = randomBytes(1000 + Math.floor(Math.random() * 5));
      const octets = Buffer.from(write(content, variant), 'latin1');
      const text = read(octets, 512);
      assert.ok(text);
      for (let round = 0; round < 40; round += 1) {
        const start = Math.floor(Math.random() * text.length);
        const end = Math.min(text.length, start + Math.floor(Math.random() * 170));
        assert.ok((await rewrite(text, content, start, end)).equals(octets.subarray(start, end)), `[${start}, ${end})`);
      }
    }
  });

  const line = 'QUJD'.repeat(19);
  const irregular: readonly { readonly name: string; readonly text: string; readonly length: number }[] = [
    { name: 'nothing', text: '', length: 0 },
    { name: 'an empty first line', text: `\r\n${line}\r\n`, length: 0 },
    { name: 'lines of no multiple of four', text: `${line}QUJ\r\n${line}QUJ\r\n`, length: 0 },
    { name: 'no base64', text: '!"#$ %&/( )=?\r\n', length: 0 },
    { name: 'base64url', text: `QUJD${'-_-_'.repeat(18)}\r\n`, length: 4 },
    { name: 'a longer line', text: `${line}\r\n${line}QUJD\r\n${line}\r\n`, length: 2 * 76 + 2 },
    { name: 'a shorter line', text: `${line}\r\nQUJD\r\n${line}\r\n`, length: 76 + 2 + 4 },
    { name: 'another line end', text: `${line}\r\n${line}\n${line}\r\n`, length: 2 * 76 + 2 },
    { name: 'a blank line between', text: `${line}\r\n\r\n${line}\r\n`, length: 76 },
    { name: 'padding between', text: `${line}\r\n${line.slice(4)}QQ==\r\n${line}\r\n`, length: 2 * 76 + 2 },
    { name: 'bits that no octet needs', text: `${line}\r\nQUJDQR==\r\n`, length: 76 + 2 + 4 },
    { name: 'half of the padding', text: `${line}\r\nQUJDQQ=\r\n`, length: 76 + 2 + 4 },
    { name: 'a character too many', text: `${line}\r\nQUJDQ\r\n`, length: 76 + 2 + 4 },
    { name: 'a blank at a line end', text: `${line}\r\n${line} \r\n${line}\r\n`, length: 2 * 76 + 2 },
    { name: 'NUL and 8 bit', text: `${line}\r\nQQ\0\xff\r\n`, length: 76 + 2 + 2 },
  ];
  for (const { name, text, length } of irregular) {
    it(`ends where it becomes irregular: ${name}`, async () => {
      const octets = Buffer.from(text, 'latin1');
      const found = read(octets, 7);
      assert.equal(found?.length ?? 0, length);
      if (found === undefined) return;
      const content = Buffer.from(text.slice(0, length).replace(/[\r\n]/g, ''), 'base64');
      assert.ok((await rewrite(found, content)).equals(octets.subarray(0, length)));
    });
  }

  it('takes what was written for any input, also where an irregularity falls on a block', async () => {
    const content = randomBytes(200_000);
    const whole = Buffer.from(write(content, { lineLength: 76, lineEnd: '\r\n', isPadded: true, trailer: '\r\n' }));
    for (let round = 0; round < 60; round += 1) {
      const octets = Buffer.from(whole);
      const at = round < 20 ? 48 * 1024 - 10 + round : Math.floor(Math.random() * octets.length);
      octets[at] = Math.floor(Math.random() * 256);
      const text = read(octets, 8192);
      assert.ok(text);
      const decoded = Buffer.from(octets.toString('latin1', 0, text.length).replace(/[\r\n]/g, ''), 'base64');
      assert.equal(createHash('sha256').update(decoded).digest('hex'), text.hash);
      assert.ok((await rewrite(text, decoded)).equals(octets.subarray(0, text.length)));
    }
  });

  it('knows the size of texts that end in mid-line or at a line', () => {
    const layout: Base64Layout = { lineLength: 4, lineEndOctets: 2, isPadded: true };
    assert.deepEqual(
      [0, 1, 3, 4, 6].map((size) => encodedSize(layout, size)),
      [0, 4, 4, 10, 10],
    );
    assert.deepEqual(
      [1, 2, 3, 4].map((size) => encodedSize({ ...layout, isPadded: false }, size)),
      [2, 3, 4, 8],
    );
  });
});
