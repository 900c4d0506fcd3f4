import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filterHeader } from '../../../imap-core/commands/fetch/filter-header.ts';
import { locateSection } from '../../../imap-core/commands/fetch/locate-section.ts';
import type { SectionSpec } from '../../../imap-core/protocol/section-spec.ts';
import { naiveParts } from '../../support/imap-memory-session/naive-parts.ts';
import { threadTime } from '../../support/processor-time.ts';

const HEADER = 'From: a\r\nTo: b\r\n c\r\n\td\r\nSUBJECT : e\r\nnot a field\r\nto: f\r\nX-To: g\r\n\r\n';

async function filter(header: string, fields: readonly string[], isNot: boolean, pieceOctets = 1000): Promise<string> {
  async function* pieces(): AsyncIterable<Buffer> {
    const octets = Buffer.from(header, 'latin1');
    for (let at = 0; at < octets.length; at += pieceOctets) yield octets.subarray(at, at + pieceOctets);
  }
  const found: Buffer[] = [];
  for await (const piece of filterHeader(pieces(), { fields, isNot })) found.push(piece);
  return Buffer.concat(found).toString('latin1');
}

describe('header fields', () => {
  for (const pieceOctets of [1, 2, 3, 5, 1000]) {
    it(`are chosen in pieces of ${pieceOctets}`, async () => {
      assert.equal(
        await filter(HEADER, ['TO', 'subject'], false, pieceOctets),
        'To: b\r\n c\r\n\td\r\nSUBJECT : e\r\nto: f\r\n\r\n',
      );
      assert.equal(await filter(HEADER, ['to', 'Subject'], true, pieceOctets), 'From: a\r\nX-To: g\r\n\r\n');
    });
  }

  it('always end in an empty line', async () => {
    assert.equal(await filter('', ['to'], false), '\r\n');
    assert.equal(await filter('To: a', ['to'], false), 'To: a\r\n\r\n');
    assert.equal(await filter('To: a\nX: b\n\n', ['to'], false), 'To: a\n\r\n');
    assert.equal(await filter('\r\n', ['to'], true), '\r\n');
    assert.equal(await filter('To', ['to'], false), '\r\n');
  });

  it('may be named like the insides of objects', async () => {
    assert.equal(await filter('constructor: a\r\n__proto__: b\r\n\r\n', ['__proto__'], false), '__proto__: b\r\n\r\n');
  });

  it('hold nothing of lines without end, in linear time', async () => {
    const time = async (count: number): Promise<number> => {
      const start = threadTime();
      const found = await filter(
        `${'x'.repeat(count)}\r\n${'\r'.repeat(count)}${'A:\n'.repeat(count / 3)}`,
        ['b'],
        false,
        8192,
      );
      assert.equal(found, '\r\n');
      return threadTime() - start;
    };
    await time(300_000);
    const least = async (count: number): Promise<number> =>
      Math.min(await time(count), await time(count), await time(count));
    const once = await least(600_000);
    const twice = await least(1_200_000);
    assert.ok(twice < 2.5 * once + 10, `${once} ms, then ${twice} ms`);
  });
});

describe('a header of nothing but tiny lines', () => {
  const LINES = 60_000;
  const OCTETS = Buffer.from(`To: a\r\n${' \r\n'.repeat(LINES)}\r\n`, 'latin1');
  const PIECE = 16 * 1024;

  it('is passed on in as many pieces as it came, and lets others have their turn', async () => {
    async function* pieces(): AsyncIterable<Buffer> {
      for (let at = 0; at < OCTETS.length; at += PIECE) yield OCTETS.subarray(at, at + PIECE);
    }
    let turns = 0;
    let isOver = false;
    const others = (): void => {
      turns += 1;
      if (!isOver) setImmediate(others);
    };
    setImmediate(others);
    const found: Buffer[] = [];
    for await (const piece of filterHeader(pieces(), { fields: ['to'], isNot: false })) found.push(piece);
    isOver = true;
    const count = Math.ceil(OCTETS.length / PIECE);
    assert.ok(found.length <= count + 1, `${found.length} pieces of ${count}`);
    assert.ok(turns >= count - 1, `${turns} turns in ${count} pieces`);
    assert.ok(Buffer.concat(found).equals(OCTETS));
  });
});

describe('sections', () => {
  const message = [
    'Subject: outer',
    'Content-Type: multipart/mixed; boundary=x',
    '',
    '--x',
    '',
    'one',
    '--x',
    'Content-Type: message/rfc822',
    '',
    'Subject: inner',
    '',
    'inner text',
    '--x--',
    '',
  ].join('\r\n');
  const read = (text: string, path: readonly number[], what: SectionSpec['what']): string | undefined => {
    const parts = naiveParts(Buffer.from(text));
    const span = locateSection({ size: text.length, parts }, { path, what, fields: [] });
    return span === undefined ? undefined : text.slice(span.start, span.end);
  };
  const cases: readonly (readonly [readonly number[], SectionSpec['what'], string | undefined])[] = [
    [[], 'whole', message],
    [[], 'header', message.slice(0, message.indexOf('--x\r\n'))],
    [[], 'text', message.slice(message.indexOf('--x\r\n'))],
    [[1], 'whole', 'one'],
    [[1], 'mime', '\r\n'],
    [[1], 'header', undefined],
    [[1], 'text', undefined],
    [[1, 1], 'whole', undefined],
    [[2], 'mime', 'Content-Type: message/rfc822\r\n\r\n'],
    [[2], 'whole', 'Subject: inner\r\n\r\ninner text'],
    [[2], 'header', 'Subject: inner\r\n\r\n'],
    [[2], 'text', 'inner text'],
    [[2, 1], 'whole', 'inner text'],
    [[2, 1], 'mime', 'Subject: inner\r\n\r\n'],
    [[2, 2], 'whole', undefined],
    [[2, 1, 1], 'whole', undefined],
    [[3], 'whole', undefined],
  ];
  for (const [path, what, expected] of cases) {
    it(`finds [${[...path, what].join('.')}]`, () => {
      assert.equal(read(message, path, what), expected);
    });
  }

  it('numbers the only part of a plain message 1', () => {
    const plain = 'Subject: a\r\n\r\ntext';
    assert.equal(read(plain, [1], 'whole'), 'text');
    assert.equal(read(plain, [1], 'mime'), 'Subject: a\r\n\r\n');
    assert.equal(read(plain, [2], 'whole'), undefined);
    const wrapped = `Content-Type: message/rfc822\r\n\r\n${plain}`;
    assert.equal(read(wrapped, [1], 'whole'), plain);
    assert.equal(read(wrapped, [1], 'header'), 'Subject: a\r\n\r\n');
    assert.equal(read(wrapped, [1, 1], 'whole'), 'text');
  });

  it('makes do without parts', () => {
    assert.deepEqual(locateSection({ size: 5, parts: [] }, { path: [], what: 'whole', fields: [] }), {
      start: 0,
      end: 5,
    });
    assert.equal(locateSection({ size: 5, parts: [] }, { path: [], what: 'text', fields: [] }), undefined);
    assert.equal(locateSection({ size: 5, parts: [] }, { path: [1], what: 'whole', fields: [] }), undefined);
  });
});
