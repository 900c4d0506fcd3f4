import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LineInput } from '../../../lib/frontends/pop3/line-input.ts';

/** Lines as text, `!` for one that was too long, `!!` for one without end. */
function lines(chunks: readonly Buffer[], limit: number): readonly string[] {
  const input = new LineInput();
  const found: string[] = [];
  for (const chunk of chunks) {
    input.push(chunk);
    for (let line = input.next(limit); line !== undefined; line = input.next(limit)) {
      if (line.kind === 'line') found.push(line.octets.toString('latin1'));
      else found.push(line.kind === 'too-long' ? '!' : '!!');
      if (line.kind === 'endless') return found;
    }
  }
  return found;
}

const CASES: readonly (readonly [input: string, limit: number, expected: readonly string[]])[] = [
  ['NOOP\r\n', 512, ['NOOP']],
  ['NOOP\n', 512, ['NOOP']],
  ['NOOP', 512, []],
  ['\r\n\n', 512, ['', '']],
  ['a\r\nb\r\nc', 512, ['a', 'b']],
  ['a\rb\0\xff\r\n', 512, ['a\rb\0\xff']],
  ['a\r\r\n', 512, ['a\r']],
  ['abc\r\n', 5, ['abc']],
  ['abcd\r\nx\r\n', 5, ['!', 'x']],
  ['abcdefghijklmnop\r\nx\r\n', 5, ['!', 'x']],
];

describe('line input', () => {
  for (const [input, limit, expected] of CASES) {
    it(`reads ${JSON.stringify(input)} within ${String(limit)}, in any split`, () => {
      const octets = Buffer.from(input, 'latin1');
      for (let at = 0; at <= octets.length; at += 1) {
        assert.deepEqual(lines([octets.subarray(0, at), octets.subarray(at)], limit), expected, String(at));
      }
      assert.deepEqual(
        lines(
          [...octets].map((octet) => Buffer.from([octet])),
          limit,
        ),
        expected,
      );
    });
  }
  it('gives up on a line without end', () => {
    const chunks = Array.from({ length: 200 }, () => Buffer.alloc(1000, 'x'));
    assert.deepEqual(lines(chunks, 512), ['!!']);
  });
  it('reads a line right after one of the greatest length', () => {
    for (const [length, expected] of [
      [509, 'line'],
      [510, 'line'],
      [511, 'too-long'],
    ] as const) {
      const input = new LineInput();
      input.push(Buffer.from(`${'x'.repeat(length)}\r\n`));
      assert.equal(input.next(512)?.kind, expected);
    }
  });
  it('forgets what it is told to', () => {
    const input = new LineInput();
    input.push(Buffer.from('STLS\r\nCAPA\r\nUS'));
    assert.equal(input.next(512)?.kind, 'line');
    input.clear();
    assert.equal(input.next(512), undefined);
    input.push(Buffer.from('NOOP\r\n'));
    assert.deepEqual(input.next(512), { kind: 'line', octets: Buffer.from('NOOP') });
  });
});
