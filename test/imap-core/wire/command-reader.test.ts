import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CommandLimits, CommandReader, type ReadResult } from '../../../imap-core/wire/command-reader.ts';
import { tagOf } from '../../../imap-core/wire/command-text.ts';
import { Input } from '../../../imap-core/wire/input.ts';

const LIMITS: CommandLimits = {
  lineOctets: 100,
  literals: 3,
  literalOctets: 50,
  nonSynchronisingOctets: 20,
  commandOctets: undefined,
  skippedOctets: 200,
};

interface Reading {
  readonly results: readonly ReadResult[];
  readonly prompts: number;
}

/** Feeds the octets in pieces of a size and reads commands to the end. */
async function readAll(octets: string, pieceOctets: number, limits: CommandLimits = LIMITS): Promise<Reading> {
  let prompts = 0;
  const input = new Input({ pause: () => undefined, resume: () => undefined }, 64);
  const reader = new CommandReader(input, {
    continueLiteral: () => {
      prompts += 1;
    },
    judgeLiteral: (text) => (String(text[0]).includes('APPEND') ? 'stream' : 'collect'),
  });
  const all = Buffer.from(octets, 'latin1');
  const results: ReadResult[] = [];
  const feeding = (async () => {
    for (let at = 0; at < all.length; at += pieceOctets) {
      input.feed(all.subarray(at, at + pieceOctets));
      await Promise.resolve();
    }
    input.end();
  })();
  for (;;) {
    const result = await reader.read(limits);
    results.push(result);
    if (result.kind === 'end' || result.kind === 'bye' || result.kind === 'stream') break;
  }
  await feeding;
  return { results, prompts };
}

const command = (tag: string, ...text: readonly (string | Buffer)[]): ReadResult => ({ kind: 'command', tag, text });
const END: ReadResult = { kind: 'end' };

describe('command reader', () => {
  for (const pieceOctets of [1, 2, 3, 7, 1000]) {
    it(`reads lines and literals in pieces of ${pieceOctets}`, async () => {
      const { results, prompts } = await readAll(
        'a NOOP\r\nb LOGIN {3}\r\nme\n {4+}\r\nab\r\n\r\nc NOOP\n\r\nd X {0}\r\n\r\n',
        pieceOctets,
      );
      assert.deepEqual(results, [
        command('a', 'a NOOP'),
        command('b', 'b LOGIN ', Buffer.from('me\n'), ' ', Buffer.from('ab\r\n'), ''),
        command('c', 'c NOOP'),
        command('', ''),
        command('d', 'd X ', Buffer.alloc(0), ''),
        END,
      ]);
      assert.equal(prompts, 2);
    });
  }

  it('keeps lines to their length, counted over the whole command', async () => {
    for (const [line, kind] of [
      [`a ${'x'.repeat(97)}`, 'command'],
      [`a ${'x'.repeat(98)}`, 'command'],
      [`a ${'x'.repeat(99)}`, 'bad'],
    ] as const) {
      const { results } = await readAll(`${line}\r\nb NOOP\r\n`, 10);
      assert.equal(results[0]?.kind, kind);
      assert.deepEqual(results[1], command('b', 'b NOOP'));
    }
    const { results } = await readAll(`a X {1+}\r\nx${' y'.repeat(47)}\r\nb NOOP\r\n`, 10);
    assert.equal(results[0]?.kind, 'bad');
    assert.deepEqual(results[1], command('b', 'b NOOP'));
  });

  it('says BYE where a line too long has no tag, or has no end', async () => {
    assert.equal((await readAll('x'.repeat(200), 10)).results[0]?.kind, 'bye');
    assert.equal((await readAll(`a ${'x'.repeat(500)}`, 10)).results[0]?.kind, 'bye');
    assert.equal((await readAll(`a ${'x'.repeat(150)}`, 10)).results[0]?.kind, 'end');
  });

  it('keeps literals to their number and their octets', async () => {
    const withLiterals = (...sizes: readonly number[]): string =>
      `a X${sizes.map((size) => ` {${size}+}\r\n${'y'.repeat(size)}`).join('')}\r\nb NOOP\r\n`;
    for (const [sizes, kind] of [
      [[1, 1], 'command'],
      [[1, 1, 1], 'command'],
      [[1, 1, 1, 1], 'bad'],
      [[19, 19, 11], 'command'],
      [[19, 19, 12], 'command'],
      [[19, 19, 13], 'bad'],
      [[19], 'command'],
      [[20], 'command'],
      [[21], 'bad'],
    ] as const) {
      const { results } = await readAll(withLiterals(...sizes), 5);
      assert.equal(results[0]?.kind, kind, sizes.join());
      assert.deepEqual(results[1], command('b', 'b NOOP'));
    }
  });

  it('does not ask for a literal that it refuses; the next line is a command', async () => {
    const { results, prompts } = await readAll('a X {51}\r\nb NOOP\r\n', 4);
    assert.deepEqual(results, [{ kind: 'bad', tag: 'a', reason: 'Literals too long' }, command('b', 'b NOOP'), END]);
    assert.equal(prompts, 0);
  });

  it('gives up where too much would have to be skipped', async () => {
    assert.equal((await readAll(`a X {201+}\r\n${'y'.repeat(300)}\r\n`, 50)).results[0]?.kind, 'bye');
    assert.equal((await readAll(`a X {999999999999999+}\r\n`, 50)).results[0]?.kind, 'bye');
  });

  it('counts lines and literals together where told to', async () => {
    const limits = { ...LIMITS, commandOctets: 30 };
    for (const [size, kind] of [
      [18, 'command'],
      [19, 'command'],
      [20, 'bye'],
    ] as const) {
      // `a LOGIN {nn}` and the line behind: 11 + 0 octets of line.
      const line = 'a LOG {00}'.length + 1;
      assert.equal(line, 11);
      const { results } = await readAll(`a LOGI {${size}}\r\n${'y'.repeat(size)}\r\n`, 9, limits);
      assert.equal(results[0]?.kind, kind, String(size));
    }
    const many = `a X${' {1+}\r\ny'.repeat(4)}\r\n`;
    assert.equal((await readAll(many, 9, { ...limits, commandOctets: 90 })).results[0]?.kind, 'bye');
  });

  it('leaves a streamed literal where it is', async () => {
    const { results, prompts } = await readAll('a APPEND INBOX {5000}\r\n', 100);
    assert.deepEqual(results, [
      { kind: 'stream', tag: 'a', text: ['a APPEND INBOX '], literal: { size: 5000, isSynchronising: true } },
    ]);
    assert.equal(prompts, 0);
    assert.equal((await readAll('a APPEND INBOX {21+}\r\nxxxxxxxxxxxxxxxxxxxxx\r\n', 100)).results[0]?.kind, 'bad');
  });

  it('knows a tag when it sees one', () => {
    for (const [line, tag] of [
      ['a1 NOOP', 'a1'],
      ['A.b]c NOOP', 'A.b]c'],
      ['+a NOOP', undefined],
      ['a', undefined],
      [' a', undefined],
      ['a"b NOOP', undefined],
      ['a{b NOOP', undefined],
      ['* NOOP', undefined],
      [`${'a'.repeat(64)} NOOP`, 'a'.repeat(64)],
      [`${'a'.repeat(65)} NOOP`, undefined],
    ] as const) {
      assert.equal(tagOf(line), tag);
    }
  });
});
