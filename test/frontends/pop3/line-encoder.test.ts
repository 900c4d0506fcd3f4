import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LineEncoder } from '../../../lib/frontends/pop3/line-encoder.ts';
import { threadTime } from '../../support/processor-time.ts';

function encode(chunks: readonly Buffer[], bodyLines?: number): string {
  const encoder = new LineEncoder(bodyLines);
  const pieces = chunks.map((chunk) => Buffer.from(encoder.push(chunk)));
  return Buffer.concat([...pieces, encoder.end()]).toString('latin1');
}

/** Whole, split in two at every place, and octet by octet: all must agree. */
function everySplit(message: string, bodyLines?: number): string {
  const octets = Buffer.from(message, 'latin1');
  const whole = encode([octets], bodyLines);
  for (let at = 0; at <= octets.length; at += 1) {
    assert.equal(encode([octets.subarray(0, at), octets.subarray(at)], bodyLines), whole, `split at ${String(at)}`);
  }
  assert.equal(
    encode(
      [...octets].map((octet) => Buffer.from([octet])),
      bodyLines,
    ),
    whole,
    'octet by octet',
  );
  return whole;
}

const WHOLE: readonly (readonly [message: string, response: string])[] = [
  ['', '.\r\n'],
  ['a', 'a\r\n.\r\n'],
  ['a\r\n', 'a\r\n.\r\n'],
  ['a\n', 'a\r\n.\r\n'],
  ['a\nb', 'a\r\nb\r\n.\r\n'],
  ['\n\n\n', '\r\n\r\n\r\n.\r\n'],
  ['.', '..\r\n.\r\n'],
  ['.\r\n', '..\r\n.\r\n'],
  ['a\n.\n..b', 'a\r\n..\r\n...b\r\n.\r\n'],
  ['a\r\n.b\r\n', 'a\r\n..b\r\n.\r\n'],
  ['a\r.b', 'a\r.b\r\n.\r\n'],
  ['a\r', 'a\r\r\n.\r\n'],
  ['a\r\r\nb', 'a\r\r\nb\r\n.\r\n'],
  ['\r\n.\r\n', '\r\n..\r\n.\r\n'],
  ['\0\xff\n', '\0\xff\r\n.\r\n'],
  ['a.b\n', 'a.b\r\n.\r\n'],
];

const MESSAGE = 'A: 1\r\n.B: 2\n\r\none\ntwo\r\n.three\r\nfour';
const TOP: readonly (readonly [message: string, lines: number, response: string])[] = [
  [MESSAGE, 0, 'A: 1\r\n..B: 2\r\n\r\n.\r\n'],
  [MESSAGE, 1, 'A: 1\r\n..B: 2\r\n\r\none\r\n.\r\n'],
  [MESSAGE, 3, 'A: 1\r\n..B: 2\r\n\r\none\r\ntwo\r\n..three\r\n.\r\n'],
  [MESSAGE, 4, 'A: 1\r\n..B: 2\r\n\r\none\r\ntwo\r\n..three\r\nfour\r\n.\r\n'],
  [MESSAGE, 99, 'A: 1\r\n..B: 2\r\n\r\none\r\ntwo\r\n..three\r\nfour\r\n.\r\n'],
  ['A: 1\n\none\ntwo\n', 1, 'A: 1\r\n\r\none\r\n.\r\n'],
  ['\none\ntwo\n', 1, '\r\none\r\n.\r\n'],
  ['A: 1\r\n\r\r\n\r\nbody\r\n', 0, 'A: 1\r\n\r\r\n\r\n.\r\n'],
  ['A: 1', 5, 'A: 1\r\n.\r\n'],
  ['', 5, '.\r\n'],
];

describe('lines of a multi-line response', () => {
  for (const [message, response] of WHOLE) {
    it(`of ${JSON.stringify(message)}`, () => {
      assert.equal(everySplit(message), response);
    });
  }
  for (const [message, lines, response] of TOP) {
    it(`of the top ${String(lines)} of ${JSON.stringify(message)}`, () => {
      assert.equal(everySplit(message, lines), response);
    });
  }
  it('are the chunk itself where nothing changes', () => {
    const chunk = Buffer.from('a\r\nb\r\n');
    assert.equal(new LineEncoder().push(chunk), chunk);
  });
  it('say when no more is wanted', () => {
    const encoder = new LineEncoder(1);
    encoder.push(Buffer.from('A: 1\r\n\r\n'));
    assert.equal(encoder.isDone, false);
    encoder.push(Buffer.from('one\r\ntwo'));
    assert.equal(encoder.isDone, true);
    assert.equal(encoder.push(Buffer.from('three')).length, 0);
  });
  it('come in linear time, whatever the message', () => {
    for (const unit of ['\n', '\r', '.\n', '\r\n', '\r\n.', 'a', '.']) {
      const time = (size: number): number => {
        const octets = Buffer.from(unit.repeat(size / unit.length));
        const start = threadTime();
        encode([octets]);
        return threadTime() - start;
      };
      time(300_000);
      assert.ok(time(1_200_000) < 5 * time(600_000) + 100, JSON.stringify(unit));
    }
  });
});
