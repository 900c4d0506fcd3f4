import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDate, readDateTime } from '../../../imap-core/arguments/date.ts';
import { readFetchItems } from '../../../imap-core/arguments/fetch-items.ts';
import { readFlagList, readStoreFlags } from '../../../imap-core/arguments/flag-list.ts';
import { readListPattern } from '../../../imap-core/arguments/mailbox.ts';
import { readMessageSet } from '../../../imap-core/arguments/message-set.ts';
import { readSearchProgram } from '../../../imap-core/arguments/search-program.ts';
import { Decoder } from '../../../imap-core/wire/decoder.ts';
import { RefusedArgument, SyntaxFault } from '../../../imap-core/wire/faults.ts';

function read<T>(reader: (decoder: Decoder) => T, text: string): T {
  const decoder = new Decoder([text]);
  const value = reader(decoder);
  decoder.expectEnd();
  return value;
}

const isLimit = (error: unknown): boolean => error instanceof RefusedArgument && error.code === 'LIMIT';

describe('message sets', () => {
  it('reads them as ranges', () => {
    assert.deepEqual(read(readMessageSet, '1,3:5,*:2,7:*'), [
      { from: 1, to: 1 },
      { from: 3, to: 5 },
      { from: Infinity, to: 2 },
      { from: 7, to: Infinity },
    ]);
    for (const text of ['', '0', '1:', ':1', '1,', ',1', '1::2', '1:2:3', 'a', '4294967296', '-1']) {
      assert.throws(() => read(readMessageSet, text), SyntaxFault, text);
    }
  });

  it('keeps them to 16 KiB', () => {
    const ofLength = (octets: number): string => {
      const text = '1,'.repeat(Math.floor((octets - 1) / 2));
      return octets % 2 === 0 ? `${text}11` : `${text}1`;
    };
    for (const [octets, isRefused] of [
      [16383, false],
      [16384, false],
      [16385, true],
    ] as const) {
      assert.equal(ofLength(octets).length, octets);
      if (isRefused) assert.throws(() => read(readMessageSet, ofLength(octets)), SyntaxFault);
      else read(readMessageSet, ofLength(octets));
    }
    assert.deepEqual(read(readMessageSet, '1:4294967295'), [{ from: 1, to: 4294967295 }]);
  });
});

describe('flags', () => {
  it('reads them once each', () => {
    assert.deepEqual(read(readFlagList, '(\\Seen \\seen $a $A b)'), { system: 1, keywords: ['$a', 'b'] });
    assert.deepEqual(read(readStoreFlags, '\\Deleted constructor __proto__'), {
      system: 8,
      keywords: ['constructor', '__proto__'],
    });
    for (const text of ['(\\Recent)', '(\\*)', '(\\)', '(a', 'a', '("a")']) {
      assert.throws(() => read(readFlagList, text), SyntaxFault, text);
    }
  });

  it('keeps keywords to 64 octets', () => {
    for (const octets of [63, 64]) read(readFlagList, `(${'k'.repeat(octets)})`);
    assert.throws(() => read(readFlagList, `(${'k'.repeat(65)})`), isLimit);
  });
});

describe('dates', () => {
  it('reads dates and times', () => {
    assert.equal(read(readDate, '2-Jan-1970'), 1);
    assert.equal(read(readDate, '"02-jan-1970"'), 1);
    assert.deepEqual(read(readDateTime, '"17-Jul-1996 02:44:25 -0700"'), {
      at: Date.UTC(1996, 6, 17, 9, 44, 25),
      zoneMinutes: -420,
    });
    assert.deepEqual(read(readDateTime, '" 1-Jan-1970 00:00:00 +0130"'), { at: -90 * 60_000, zoneMinutes: 90 });
    for (const text of ['30-Feb-2000', '1-Foo-2000', '1-Jan-70', '2000-01-01']) {
      assert.throws(() => read(readDate, text), SyntaxFault, text);
    }
    for (const time of [
      '24:00:00 +0000',
      '00:60:00 +0000',
      '00:00:61 +0000',
      '00:00:00 +0060',
      '00:00:00 +9900',
      '00:00:00',
    ]) {
      assert.throws(() => read(readDateTime, `"01-Jan-2000 ${time}"`), SyntaxFault, time);
    }
  });
});

describe('FETCH items', () => {
  const sections: readonly (readonly [string, string, string])[] = [
    ['BODY[]', 'BODY[]', 'whole'],
    ['body.peek[]', 'BODY[]', 'whole'],
    ['BODY[TEXT]<0.100>', 'BODY[TEXT]<0>', 'text'],
    ['BODY[1.2.mime]', 'BODY[1.2.MIME]', 'mime'],
    ['BODY[1.HEADER.FIELDS (From "To")]', 'BODY[1.HEADER.FIELDS (From To)]', 'header-fields'],
    ['BODY[HEADER.FIELDS.NOT ("a b")]', 'BODY[HEADER.FIELDS.NOT ("a b")]', 'header-fields-not'],
  ];
  for (const [text, label, what] of sections) {
    it(`reads ${text}`, () => {
      const [item] = read(readFetchItems, text);
      assert.equal(item?.kind, 'section');
      assert.equal(item.label, label);
      assert.equal(item.section.what, what);
      assert.equal(item.isPeek, text.toLowerCase().startsWith('body.peek'));
    });
  }

  it('refuses what is none', () => {
    for (const text of [
      'BODY[MIME]',
      'BODY[1.]',
      'BODY[.1]',
      'BODY[0]',
      'BODY[01]',
      'BODY[1.TEXT.1]',
      'BODY[HEADER.FIELDS]',
      'BODY[HEADER.FIELDS ()]',
      'BODY[HEADER.FIELDS ("a\u00e9")]',
      'BODY[TEXT',
      'BODY.PEEK',
      'BODY[]<1>',
      'BODY[]<1.0>',
      'NONSENSE',
      '(FLAGS',
      '()',
      `BODY[${'1.'.repeat(100)}1]`,
      `(${'FLAGS '.repeat(200)}FLAGS)`,
    ]) {
      assert.throws(() => read(readFetchItems, text), SyntaxFault, text.slice(0, 60));
    }
  });
});

describe('search programs', () => {
  it('keeps keys, depth and text to their limits', () => {
    const keys = (count: number): string => Array.from({ length: count }, () => 'SEEN').join(' ');
    read(readSearchProgram, keys(99));
    read(readSearchProgram, keys(100));
    assert.throws(() => read(readSearchProgram, keys(101)), isLimit);

    for (const nest of [
      (depth: number) => `${'('.repeat(depth)}ALL${')'.repeat(depth)}`,
      (depth: number) => `${'NOT '.repeat(depth)}ALL`,
      (depth: number) => `${'OR ALL '.repeat(depth)}ALL`,
    ]) {
      read(readSearchProgram, nest(19));
      read(readSearchProgram, nest(20));
      assert.throws(() => read(readSearchProgram, nest(21)), isLimit);
    }

    const text = (octets: number): Decoder => new Decoder(['BODY ', Buffer.alloc(octets, 'x'), '']);
    readSearchProgram(text(65_535));
    readSearchProgram(text(65_536));
    assert.throws(() => readSearchProgram(text(65_537)), isLimit);
  });

  it('reads text in its charset', () => {
    const program = readSearchProgram(new Decoder(['CHARSET utf-8 SUBJECT ', Buffer.from('é'), '']));
    assert.deepEqual(program.terms, [{ kind: 'header', field: 'SUBJECT', value: 'é' }]);
    assert.throws(() => readSearchProgram(new Decoder(['SUBJECT ', Buffer.from([0xe9]), ''])), SyntaxFault);
    assert.throws(
      () => readSearchProgram(new Decoder(['CHARSET KOI8-R ALL'])),
      (error: unknown) => error instanceof RefusedArgument && error.code === 'BADCHARSET',
    );
  });
});

describe('LIST patterns', () => {
  it('keeps them to 1 KiB', () => {
    for (const octets of [1023, 1024]) read(readListPattern, 'a'.repeat(octets));
    assert.throws(() => read(readListPattern, 'a'.repeat(1025)), isLimit);
  });
});
