import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DotUnstuffing } from '../../../lib/frontends/lmtp/dot-unstuffing.ts';
import { dotStuffed } from '../../support/lmtp-client.ts';
import { threadTime } from '../../support/processor-time.ts';

interface Result {
  readonly message: string;
  /** Undefined where the data has not ended. */
  readonly rest: string | undefined;
}

function unstuff(chunks: readonly Buffer[]): Result {
  const unstuffing = new DotUnstuffing();
  const pieces: Buffer[] = [];
  for (const [index, chunk] of chunks.entries()) {
    const { octets, rest } = unstuffing.push(chunk);
    pieces.push(octets);
    if (rest !== undefined) {
      const after = Buffer.concat([rest, ...chunks.slice(index + 1)]);
      return { message: Buffer.concat(pieces).toString('latin1'), rest: after.toString('latin1') };
    }
  }
  return { message: Buffer.concat(pieces).toString('latin1'), rest: undefined };
}

/** The same octets whole, split in two at every place, and one by one: all must agree. */
function everySplit(data: string): Result {
  const octets = Buffer.from(data, 'latin1');
  const whole = unstuff([octets]);
  for (let at = 0; at <= octets.length; at += 1) {
    assert.deepEqual(unstuff([octets.subarray(0, at), octets.subarray(at)]), whole, `split at ${String(at)}`);
  }
  assert.deepEqual(unstuff([...octets].map((octet) => Buffer.from([octet]))), whole, 'octet by octet');
  return whole;
}

const ENDED: readonly (readonly [data: string, message: string, rest: string])[] = [
  ['.\r\n', '', ''],
  ['.\r\nQUIT\r\n', '', 'QUIT\r\n'],
  ['a\r\n.\r\n', 'a\r\n', ''],
  ['a\r\n.\r\nQUIT\r\n', 'a\r\n', 'QUIT\r\n'],
  ['\r\n.\r\n', '\r\n', ''],
  ['..\r\n.\r\n', '.\r\n', ''],
  ['a\r\n..\r\n.\r\n', 'a\r\n.\r\n', ''],
  ['a\r\n...\r\n.\r\n', 'a\r\n..\r\n', ''],
  ['.a\r\n.b\r\n.\r\n', 'a\r\nb\r\n', ''],
  ['a\r\r\n.\r\n', 'a\r\r\n', ''],
  ['a\n\r\n.\r\n', 'a\n\r\n', ''],
  ['\r\n\r\n\r\n.\r\n', '\r\n\r\n\r\n', ''],
  ['\0\xff\r\n.\r\n', '\0\xff\r\n', ''],
  ['.\r.\r\n.\r\n', '\r.\r\n', ''],
  ['.\r\r\n.\r\n', '\r\r\n', ''],
  ['\r\n.\r\n.\r\n', '\r\n', '.\r\n'],
];

/** None of these ends the data; a message that is sent by them goes on. */
const CONTINUED: readonly (readonly [data: string, message: string])[] = [
  ['a\n.\n', 'a\n.\n'],
  ['a\r.\r', 'a\r.\r'],
  ['a\n.\r\n', 'a\n.\r\n'],
  ['a\r.\r\n', 'a\r.\r\n'],
  ['a\r\n.\n', 'a\r\n\n'],
  ['a\r\n.\r', 'a\r\n'],
  ['a\r\n.\rb', 'a\r\n\rb'],
  ['.\n', '\n'],
  ['.\r', ''],
  ['a\n..\n', 'a\n..\n'],
  ['a\n..\r\n', 'a\n..\r\n'],
  ['a\r..\r', 'a\r..\r'],
  ['a\r\n. \r\n', 'a\r\n \r\n'],
  ['a\r\n.\0\r\n', 'a\r\n\0\r\n'],
  ['a\n\r.\r\n', 'a\n\r.\r\n'],
  ['a\r\0\n.\r\n', 'a\r\0\n.\r\n'],
  ['a\r\n', 'a\r\n'],
];

describe('dot-unstuffing', () => {
  for (const [data, message, rest] of ENDED) {
    it(`ends ${JSON.stringify(data)}`, () => {
      assert.deepEqual(everySplit(data), { message, rest });
    });
  }
  for (const [data, message] of CONTINUED) {
    it(`goes on after ${JSON.stringify(data)}`, () => {
      const unended = everySplit(data);
      assert.equal(unended.rest, undefined);
      // What is held back belongs to the message as soon as anything else follows.
      assert.ok(message.startsWith(unended.message));
    });
    it(`keeps ${JSON.stringify(data)} within a message`, () => {
      const { message: read, rest } = everySplit(`${data}x\r\n.\r\n`);
      assert.equal(rest, '');
      assert.equal(read, data.endsWith('.\r') && message.length < 4 ? `${message}\rx\r\n` : `${message}x\r\n`);
    });
  }

  it('gives back what was stuffed, for octets at random', () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return (seed >>> 8) % below;
    };
    for (let round = 0; round < 3000; round += 1) {
      const octets = Buffer.from(Array.from({ length: random(24) }, () => '\r\n.ab'.charCodeAt(random(5))));
      const chunks: Buffer[] = [];
      const data = Buffer.concat([dotStuffed(octets), Buffer.from('NEXT')]);
      for (let at = 0; at < data.length;) {
        const length = 1 + random(6);
        chunks.push(data.subarray(at, at + length));
        at += length;
      }
      const text = octets.toString('latin1');
      const expected = text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`;
      assert.deepEqual(unstuff(chunks), { message: expected, rest: 'NEXT' }, JSON.stringify(text));
    }
  });

  it('is linear in stuffed lines, bare CR and plain text', () => {
    for (const line of ['\r\n..', '\r', '\r\n', '\n.', 'plain text of some length\r\n', '.\r']) {
      const time = (octets: Buffer): number => {
        const start = threadTime();
        for (let round = 0; round < 3; round += 1) unstuff([octets]);
        return threadTime() - start;
      };
      const size = 300_000;
      const once = Buffer.from(line.repeat(Math.ceil(size / line.length)));
      const twice = Buffer.concat([once, once]);
      time(once);
      assert.ok(time(twice) < 2.5 * time(once) + 100, JSON.stringify(line));
    }
  });
});
