import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dateTimeText, dayNumber, localDay } from '../../../imap-core/protocol/date.ts';
import { flagsText, systemFlagOf } from '../../../imap-core/protocol/flags.ts';
import { ListPattern } from '../../../imap-core/protocol/list-pattern.ts';
import {
  canonicalPath,
  decodeMailboxName,
  encodeMailboxName,
  MailboxNameError,
} from '../../../imap-core/protocol/mailbox-name.ts';
import { mergeRanges, resolveSet, setText, STAR } from '../../../imap-core/protocol/message-set.ts';
import { threadTime } from '../../support/processor-time.ts';

describe('modified UTF-7', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['INBOX', 'INBOX'],
    ['', ''],
    ['a&b', 'a&-b'],
    ['&', '&-'],
    ['~peter/mail/台北/日本語', '~peter/mail/&U,BTFw-/&ZeVnLIqe-'],
    ['Entwürfe', 'Entw&APw-rfe'],
    ['☺!', '&Jjo-!'],
    ['😀', '&2D3eAA-'],
    ['aé😀bü', 'a&AOnYPd4A-b&APw-'],
  ];
  for (const [path, encoded] of cases) {
    it(`${path} is ${encoded}`, () => {
      assert.equal(encodeMailboxName(path), encoded);
      assert.equal(decodeMailboxName(encoded), path);
    });
  }

  const invalid: readonly (readonly [string, string])[] = [
    ['&', 'run without an end'],
    ['&Jjo', 'run without an end'],
    ['&Jj!-', 'not base64'],
    ['&Jjo=-', 'padding'],
    ['&AGE-', 'printable ASCII encoded'],
    ['&2D0-', 'lone surrogate'],
    ['&AAo-', 'encoded line feed'],
    ['&AAA-', 'encoded NUL'],
    ['&Jjp-', 'bits left over'],
    ['&JjoA-', 'a sextet left over'],
    ['a\u0001b', 'control'],
    ['caf\u00e9', '8-bit'],
    ['&ICg-', 'line separator'],
  ];
  for (const [name, why] of invalid) {
    it(`refuses ${JSON.stringify(name)}: ${why}`, () => {
      assert.throws(() => decodeMailboxName(name), MailboxNameError);
    });
  }

  it('brings back every path of random characters', () => {
    let seed = 7;
    const next = (): number => (seed = (seed * 48271) % 0x7fffffff);
    for (let round = 0; round < 500; round += 1) {
      let path = '';
      for (let i = 0; i < 12; i += 1) {
        const code = next() % 0x10ffff;
        const isFit = code > 0xa0 && (code < 0xd800 || code > 0xdfff) && code !== 0x2028 && code !== 0x2029;
        path += isFit ? String.fromCodePoint(code) : '&a';
      }
      assert.equal(decodeMailboxName(encodeMailboxName(path)), path);
    }
  });

  it('knows INBOX in any case, and its children', () => {
    for (const [path, canonical] of [
      ['inbox', 'INBOX'],
      ['InBox/Sub', 'INBOX/Sub'],
      ['inboxes', 'inboxes'],
      ['a/inbox', 'a/inbox'],
    ] as const) {
      assert.equal(canonicalPath(path), canonical);
    }
  });
});

describe('LIST pattern', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['*', 'a/b/c', true],
    ['*', '', true],
    ['%', 'a', true],
    ['%', 'a/b', false],
    ['%/%', 'a/b', true],
    ['%/%', 'a/b/c', false],
    ['a%', 'abc', true],
    ['a%', 'abc/d', false],
    ['a*d', 'abc/d', true],
    ['a%*d', 'abc/d', true],
    ['%%', 'abc', true],
    ['a', 'a', true],
    ['a', 'A', false],
    ['a', 'ab', false],
    ['', '', true],
    ['', 'a', false],
    ['inbox', 'INBOX', true],
    ['inbox/%', 'INBOX/a', true],
    ['INB%', 'INBOX', true],
    ['*b*', 'aXbXc', true],
    ['%b%b', 'abab', true],
    ['%b/c', 'ab/b/c', false],
    ['*%b/c', 'ab/b/c', true],
    ['a.b', 'axb', false],
    ['(a+)+', '(a+)+', true],
  ];
  for (const [pattern, path, isMatch] of cases) {
    it(`${pattern} ${isMatch ? 'matches' : 'does not match'} ${path}`, () => {
      assert.equal(new ListPattern(pattern).matches(path), isMatch);
    });
  }

  it('takes bounded time for any wildcards', () => {
    const pattern = new ListPattern('*a%'.repeat(340));
    const start = threadTime();
    assert.equal(pattern.matches(`${'a/'.repeat(5000)}b`), false);
    assert.equal(new ListPattern(`${'%a*'.repeat(340)}x`).matches('a'.repeat(10_000)), false);
    assert.ok(threadTime() - start < 400);
  });
});

describe('message sets', () => {
  it('merges ranges', () => {
    assert.deepEqual(
      mergeRanges([
        { from: 5, to: 7 },
        { from: 1, to: 2 },
        { from: 3, to: 3 },
        { from: 6, to: 6 },
      ]),
      [
        { from: 1, to: 3 },
        { from: 5, to: 7 },
      ],
    );
  });

  const resolved: readonly (readonly [
    readonly (readonly [number, number])[],
    number,
    readonly (readonly [number, number])[],
  ])[] = [
    [[[1, STAR]], 10, [[1, 10]]],
    [[[STAR, STAR]], 10, [[10, 10]]],
    [[[20, STAR]], 10, [[10, 20]]],
    [[[STAR, 3]], 10, [[3, 10]]],
    [[[7, 3]], 10, [[3, 7]]],
    [
      [
        [4, 4],
        [2, 2],
        [3, 3],
      ],
      10,
      [[2, 4]],
    ],
  ];
  for (const [set, largest, expected] of resolved) {
    it(`${JSON.stringify(set)} of ${largest} is ${JSON.stringify(expected)}`, () => {
      const ranges = set.map(([from, to]) => ({ from, to }));
      assert.deepEqual(
        resolveSet(ranges, largest).map(({ from, to }) => [from, to]),
        expected,
      );
    });
  }

  it('writes sets in their shortest form', () => {
    assert.equal(setText([]), '');
    assert.equal(setText([4]), '4');
    assert.equal(setText([1, 2, 3, 7, 9, 10]), '1:3,7,9:10');
  });
});

describe('dates', () => {
  it('writes date-time in its own zone', () => {
    assert.equal(
      dateTimeText({ at: Date.UTC(1996, 6, 17, 9, 44, 25), zoneMinutes: -420 }),
      '17-Jul-1996 02:44:25 -0700',
    );
    assert.equal(dateTimeText({ at: Date.UTC(2026, 0, 1, 20, 0, 0), zoneMinutes: 330 }), ' 2-Jan-2026 01:30:00 +0530');
  });

  it('counts days in the own zone', () => {
    const evening = Date.UTC(1994, 1, 2, 7, 30);
    assert.equal(localDay({ at: evening, zoneMinutes: -480 }), dayNumber(1994, 1, 1));
    assert.equal(localDay({ at: evening, zoneMinutes: 0 }), dayNumber(1994, 1, 2));
    assert.equal(localDay({ at: -1, zoneMinutes: 0 }), -1);
  });

  it('knows which days there are', () => {
    assert.equal(dayNumber(1970, 0, 1), 0);
    assert.equal(dayNumber(1999, 1, 29), undefined);
    assert.notEqual(dayNumber(2000, 1, 29), undefined);
    assert.equal(dayNumber(2000, 0, 0), undefined);
    assert.ok((dayNumber(50, 0, 1) ?? 0) < -700_000);
  });
});

describe('flags', () => {
  it('names system flags in any case', () => {
    assert.equal(systemFlagOf('\\sEEN'), 1);
    assert.equal(systemFlagOf('\\Recent'), undefined);
    assert.equal(systemFlagOf('\\constructor'), undefined);
  });

  it('writes lists', () => {
    assert.equal(flagsText(0, [], false), '');
    assert.equal(flagsText(0, ['$A'], false), '$A');
    assert.equal(flagsText(31, ['$A', 'b'], true), '\\Answered \\Flagged \\Deleted \\Seen \\Draft \\Recent $A b');
  });
});
