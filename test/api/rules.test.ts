import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toErrorAnswer } from '../../api/http/error-answers.ts';
import { JsonGuard } from '../../api/http/json-guard.ts';
import { parseJson, toEntries } from '../../api/http/json-input.ts';
import { createCursorSeal, readPage } from '../../api/http/paging.ts';
import { mergeParameters, toFormEntries } from '../../api/http/request-parameters.ts';
import { data, date, flag, tags, whole } from '../../api/http/schemas.ts';
import { parseMessageNumbers } from '../../api/routes/messages/message-numbers.ts';
import { pageOfMessages } from '../../api/routes/messages/page-of-messages.ts';
import { replaceContentIds } from '../../api/routes/messages/message-text.ts';
import { isTemporary, MailError, toMailError, type MailErrorCode } from '../../lib/kernel/errors.ts';
import type { ColumnView } from '../../lib/journal/index.ts';
import { threadTime } from '../support/processor-time.ts';

const isInvalid = (error: unknown): boolean => error instanceof MailError && error.code === 'invalid-input';

describe('parameters', () => {
  it('come from path, query and body, in this order of weight, and nothing is nothing', () => {
    const merged = mergeParameters({
      path: new Map([['a', 'path']]),
      query: new Map<string, unknown>([
        ['a', 'query'],
        ['b', 'query'],
        ['c', ''],
        ['accessToken', 'secret'],
      ]),
      body: new Map<string, unknown>([
        ['a', 'body'],
        ['b', 'body'],
        ['c', 'body'],
        ['d', ''],
        ['e', false],
        ['f', null],
      ]),
    });
    assert.deepEqual([...merged].sort(), [
      ['a', 'path'],
      ['b', 'query'],
      ['c', 'body'],
      ['e', false],
      ['f', null],
    ]);
  });

  it('of a form may repeat, and are counted', () => {
    assert.deepEqual(
      [...toFormEntries('a=1&b=x%20y+z&a=2&c[]=3&__proto__=4')],
      [
        ['a', ['1', '2']],
        ['b', 'x y z'],
        ['c', '3'],
        ['__proto__', '4'],
      ],
    );
    assert.equal(toFormEntries('x=1&'.repeat(200)).size, 1);
    assert.throws(() => toFormEntries('x=1&'.repeat(201)), isInvalid);
  });

  const values: readonly (readonly [
    string,
    { safeParse(value: unknown): { success: boolean; data?: unknown } },
    unknown,
    unknown,
  ])[] = [
    ...['true', 'YES', 'y', 'On', '1', 1, true].map((value) => ['flag', flag(), value, true] as const),
    ...['false', 'No', 'N', 'off', '0', 0, false].map((value) => ['flag', flag(), value, false] as const),
    ...['maybe', 2, null, [], {}, ['true']].map((value) => ['flag', flag(), value, undefined] as const),
    ['whole', whole(1, 10), '10', 10],
    ['whole', whole(1, 10), 1, 1],
    ...['0', 11, '1.0', 1.5, '', '0x1', [5], true, null, NaN].map(
      (value) => ['whole', whole(1, 10), value, undefined] as const,
    ),
    ['date', date(), '2020-01-01T00:00:00Z', 1_577_836_800_000],
    ['date', date(), 'Wed, 01 Jan 2020 01:00:00 +0100', 1_577_836_800_000],
    ['date', date(), '1577836800000', 1_577_836_800_000],
    ['date', date(), 1_577_836_800_000, 1_577_836_800_000],
    ...['perhaps', -1, 9e15, [0], {}, `${' '.repeat(100)}2020`].map(
      (value) => ['date', date(), value, undefined] as const,
    ),
    ['tags', tags(), 'b, a,A,', ['a', 'b']],
    ['tags', tags(), ['x'.repeat(128)], ['x'.repeat(128)]],
    ...[['x'.repeat(129)], 5, { a: 1 }, [['a']]].map((value) => ['tags', tags(), value, undefined] as const),
    ['data', data(), '{"a":[1]}', { a: [1] }],
    ['data', data(), {}, {}],
    ...['[]', '5', 'x', [], null, '{"__proto__":{}}'].map((value) => ['data', data(), value, undefined] as const),
    ['data', data(), { a: 'x'.repeat(1024 * 1024 - 8) }, { a: 'x'.repeat(1024 * 1024 - 8) }],
    ['data', data(), { a: 'x'.repeat(1024 * 1024 - 7) }, undefined],
  ];
  for (const [name, schema, value, expected] of values) {
    it(`${name} of ${JSON.stringify(value).slice(0, 40)}`, () => {
      const parsed = schema.safeParse(value);
      assert.deepEqual(parsed.success ? parsed.data : undefined, expected);
    });
  }
});

describe('JSON of strangers', () => {
  it('reaches for no prototype, wherever the key stands', () => {
    for (const text of [
      '{"__proto__":{}}',
      '{"a":[{"constructor":1}]}',
      '{"a":{"b":{"prototype":null}}}',
      '{"\\u005f_proto__":1}',
    ]) {
      assert.throws(() => parseJson(text), isInvalid, text);
    }
    assert.deepEqual(parseJson('{"$where":"1","a.b":2,"":3}'), { $where: '1', 'a.b': 2, '': 3 });
  });

  it('has a depth', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    parseJson(nested(50));
    assert.throws(() => parseJson(nested(51)), isInvalid);
    assert.throws(() => parseJson(nested(500_000)), isInvalid);
  });

  it('is an object', () => {
    for (const text of ['[]', 'null', '"x"', '5', 'true'])
      assert.throws(() => toEntries(parseJson(text)), isInvalid, text);
    for (const text of ['', '{', '{a:1}', "{'a':1}", '{"a":1}x', '\ufeff{}', 'NaN'])
      assert.throws(() => parseJson(text), isInvalid, text);
  });
});

describe('answers to failures', () => {
  const codes: readonly MailErrorCode[] = [
    'internal',
    'unavailable',
    'outcome-unknown',
    'shutting-down',
    'authentication-failed',
    'authorization-failed',
    'privacy-required',
    'rate-limited',
    'account-disabled',
    'invalid-token',
    'invalid-auth-scope',
    'missing-privileges',
    'invalid-input',
    'limit',
    'too-big',
    'over-quota',
    'not-permitted',
    'user-not-found',
    'user-exists',
    'address-not-found',
    'address-exists',
    'mailbox-not-found',
    'mailbox-exists',
    'mailbox-name-invalid',
    'mailbox-not-permitted',
    'mailbox-has-children',
    'message-not-found',
    'expunge-issued',
    'attachment-not-found',
  ];
  it('say "later" for trouble behind, and "not there" only for what is not there', () => {
    for (const code of codes) {
      const { status, headers } = toErrorAnswer(new MailError(code, 'sentence'));
      assert.equal(status === 404, /not-found|expunge-issued/.test(code), code);
      assert.equal(status === 503, isTemporary(code) && code !== 'rate-limited', code);
      assert.equal('Retry-After' in headers, isTemporary(code), code);
    }
  });

  it('keep causes to themselves', () => {
    const { status, body } = toErrorAnswer(toMailError(new TypeError('secret of the inside')));
    assert.equal(status, 503);
    assert.ok(!JSON.stringify(body).includes('secret'));
  });

  it('round the time to wait up to seconds', () => {
    assert.equal(toErrorAnswer(new MailError('rate-limited', 'x', { retryAfterMs: 1001 })).headers['Retry-After'], '2');
    assert.equal(toErrorAnswer(new MailError('unavailable', 'x', { retryAfterMs: 1 })).headers['Retry-After'], '1');
  });
});

describe('cursors', () => {
  const seal = createCursorSeal('key');
  it('open nothing but what they were sealed for', () => {
    const text = seal.seal({ direction: 'next', page: 2, anchor: ['x', 1] }, 'question');
    assert.deepEqual(seal.open('next', text, 'next', 'question'), { direction: 'next', page: 2, anchor: ['x', 1] });
    const tampered = [...Buffer.from(text, 'base64url')].map((octet, position, all) =>
      Buffer.from(all.with(position, octet ^ 1)).toString('base64url'),
    );
    for (const other of ['', ' ', text.slice(1), `${text}A`, 'A'.repeat(1025), ...tampered])
      assert.throws(() => seal.open('next', other, 'next', 'question'), isInvalid, other);
    assert.throws(() => seal.open('previous', text, 'previous', 'question'), isInvalid);
    assert.throws(() => seal.open('next', text, 'next', 'another'), isInvalid);
    assert.throws(() => createCursorSeal('other key').open('next', text, 'next', 'question'), isInvalid);
  });

  it('lead through every row once, forth and back, for every size of page', async () => {
    const rows = Array.from({ length: 7 }, (_, n) => n);
    for (let limit = 1; limit <= 8; limit += 1) {
      const page = (next?: string, previous?: string) =>
        readPage(
          seal,
          'q',
          { limit, next, previous },
          ({ after, before, limit: most }) => {
            const found =
              before === undefined
                ? rows.filter((row) => row > Number(after?.[0] ?? -1))
                : rows.filter((row) => row < Number(before[0])).reverse();
            return found.slice(0, most);
          },
          (row) => [row],
        );
      const forth: number[] = [];
      let current = await page();
      for (let number = 1; ; number += 1) {
        assert.equal(current.page, number);
        forth.push(...current.rows);
        if (current.nextCursor === false) break;
        current = await page(current.nextCursor);
      }
      assert.deepEqual(forth, rows);
      const back = [...current.rows];
      while (current.previousCursor !== false) {
        current = await page(undefined, current.previousCursor);
        back.unshift(...current.rows);
      }
      assert.equal(current.page, 1);
      assert.deepEqual(back, rows);
    }
  });
});

describe('message numbers', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['1', '1-1'],
    ['1,2,3', '1-3'],
    ['3:1', '1-3'],
    ['5:*', '5-4294967295'],
    ['9,1:3,2:5, 7', '1-5 7-7 9-9'],
    ['4294967295', '4294967295-4294967295'],
  ];
  for (const [text, ranges] of cases) {
    it(text, () => {
      assert.equal(
        parseMessageNumbers('m', text)
          .map(({ from, to }) => `${String(from)}-${String(to)}`)
          .join(' '),
        ranges,
      );
    });
  }
  for (const text of [
    '',
    '0',
    '*',
    '1:',
    ':1',
    '1-2',
    '1;2',
    '4294967296',
    '1 2',
    '+1',
    '1e1',
    'x',
    '1,',
    '*:1',
    '1'.repeat(11),
  ]) {
    it(`refuses ${text}`, () => {
      assert.throws(() => parseMessageNumbers('m', text), isInvalid);
    });
  }
  it('are at most 16 KiB of text', () => {
    const longest = `${'1,'.repeat(8191)}10`;
    assert.equal(longest.length, 16 * 1024);
    assert.deepEqual(parseMessageNumbers('m', longest), [
      { from: 1, to: 1 },
      { from: 10, to: 10 },
    ]);
    assert.throws(() => parseMessageNumbers('m', `${longest}0`), isInvalid);
  });
});

describe('pages of messages', () => {
  const view = (rows: readonly (readonly [number, boolean])[]): ColumnView =>
    ({
      count: rows.length,
      uid: (position: number) => position + 1,
      systemFlags: (position: number) => (rows[position]?.[1] === true ? 1 : 0),
      internalDate: (position: number) => ({ at: rows[position]?.[0] ?? 0, zoneMinutes: 0 }),
    }) as unknown as ColumnView;

  it('are those of the sorted whole, for random mailboxes', () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    for (let round = 0; round < 300; round += 1) {
      const rows = Array.from({ length: random(40) }, () => [random(10), random(2) === 1] as const);
      const [order, isUnseenOnly, limit] = [random(2) === 1 ? 'asc' : 'desc', random(2) === 1, 1 + random(10)] as const;
      const sorted = rows
        .map(([at, seen], position) => ({ at, seen, position }))
        .filter(({ seen }) => !isUnseenOnly || !seen);
      sorted.sort((one, other) => (one.at - other.at || one.position - other.position) * (order === 'asc' ? 1 : -1));
      const start = random(sorted.length + 1);
      const anchor = sorted[start];
      const key = anchor === undefined ? undefined : [anchor.at, anchor.position + 1];
      const [after, before] = random(2) === 1 ? [key, undefined] : [undefined, key];
      const expected =
        key === undefined ? sorted : after === undefined ? sorted.slice(0, start).reverse() : sorted.slice(start + 1);
      assert.deepEqual(
        pageOfMessages(view(rows), { order, isUnseenOnly }, { after, before, limit }),
        expected.slice(0, limit).map(({ position }) => position),
      );
    }
  });

  it('of 100,000 messages take milliseconds, however they are ordered', () => {
    for (const dateOf of [(n: number) => n, (n: number) => -n, (n: number) => (n * 7919) % 100_003]) {
      const columns = view(Array.from({ length: 100_000 }, (_, n) => [dateOf(n), false] as const));
      const start = threadTime();
      pageOfMessages(
        columns,
        { order: 'desc', isUnseenOnly: false },
        { after: undefined, before: undefined, limit: 251 },
      );
      assert.ok(threadTime() - start < 200);
    }
  });
});

it('cid links become links to attachments, others stay', () => {
  const links = new Map([['a@b', 'attachment:ATT00001']]);
  assert.equal(
    replaceContentIds('<img src="cid:a@b"> CID:a%40b cid:other acid:a@b', links),
    '<img src="attachment:ATT00001"> attachment:ATT00001 cid:other acid:a@b',
  );
});

describe('the structure of a body', () => {
  const read = (text: string, size: number): void => {
    const guard = new JsonGuard();
    const octets = Buffer.from(text);
    for (let start = 0; start < octets.length; start += size) guard.write(octets.subarray(start, start + size));
  };
  const strings = JSON.stringify({ a: '[,:{"\\'.repeat(100_000), '\\"': '\\\\' });
  const values = (count: number): string => `[${Array.from({ length: count - 1 }, () => '1').join()}]`;

  it('is counted outside of strings, wherever the text is cut', () => {
    for (const size of [1, 7, 64 * 1024]) {
      read(strings, size);
      read(values(200_000), size);
      assert.throws(() => read(values(200_002), size), isInvalid);
      assert.throws(() => read(`{"\\"":"\\\\",${values(200_000).slice(1)}`, size), isInvalid);
    }
  });

  it('of a long string takes linear time', () => {
    const octets = Buffer.alloc(8 * 1024 * 1024, 'x');
    octets[0] = 0x22;
    const start = threadTime();
    new JsonGuard().write(octets);
    assert.ok(threadTime() - start < 500);
  });
});
