import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  decodeHeaderText,
  DEFAULT_MIME_LIMITS,
  filenameOf,
  parameterText,
  readDateTime,
  readHeaderFields,
  readParameterisedValue,
  unfold,
} from '../../lib/mime/index.ts';

const WORDS: readonly (readonly [written: string, text: string])[] = [
  ['plain', 'plain'],
  ['=?iso-8859-1?Q?a=E4_b?=', 'aä b'],
  ['=?ISO-8859-1?q?a=e4?=', 'aä'],
  ['=?utf-8?B?w6Q=?=', 'ä'],
  ['=?utf-8?b?w6Q?=', 'ä'],
  ['=?utf-8*de?Q?=C3=A4?=', 'ä'],
  ['=?utf-8?Q?a?= =?utf-8?Q?b?=', 'ab'],
  ['=?utf-8?Q?a?=\t  =?iso-8859-1?Q?=E4?=', 'aä'],
  ['=?utf-8?Q?a?= b =?utf-8?Q?c?=', 'a b c'],
  ['=?utf-8?Q?a?=b', 'ab'],
  ['x=?utf-8?Q?a?=', 'xa'],
  ['=?utf-8?Q?=C3?= =?utf-8?Q?=A4?=', 'ä'],
  ['=?utf-8?B?w6TD?= =?utf-8?Q?=B6?=', 'äö'],
  ['=?utf-8?Q?with blanks?=', 'with blanks'],
  ['=?utf-8?Q??=', ''],
  ['=?utf-8?Q?=E4?=', '\ufffd'],
  ['=?x-none?Q?=C3=A4?=', 'ä'],
  ['=?utf-7?Q?Fr+APY-?=', 'Frö'],
  ['=?iso-2022-jp?B?GyRCJDMbKEI=?=', 'こ'],
  ['=?utf-8?Q?=0D=0ABcc:_x=00?=', '  Bcc: x '],
  ['=?utf-8?X?a?=', '=?utf-8?X?a?='],
  ['=?utf-8?Q?never closed', '=?utf-8?Q?never closed'],
  ['=?utf-8?Q', '=?utf-8?Q'],
  ['=?=?utf-8?Q?a?=', '=?a'],
  ['=??Q?a?=', '=??Q?a?='],
  ['a\xe4', 'aä'],
  [Buffer.from('ä你').toString('latin1'), 'ä你'],
  ['=?__proto__?Q?a?=', 'a'],
];

describe('encoded words', () => {
  for (const [written, text] of WORDS) it(JSON.stringify(written), () => assert.equal(decodeHeaderText(written), text));

  it('are decoded up to a thousand', () => {
    for (const count of [999, 1000, 1001]) {
      const text = decodeHeaderText('=?utf-8?Q?a?= '.repeat(count));
      assert.equal(text, 'a'.repeat(Math.min(count, 1000)) + (count > 1000 ? ' =?utf-8?Q?a?= ' : ' '));
    }
  });
});

const VALUES: readonly (readonly [text: string, value: string, parameters: Record<string, string>])[] = [
  ['text/plain', 'text/plain', {}],
  ['TEXT/Plain; Charset=UTF-8', 'text/plain', { charset: 'UTF-8' }],
  ['text/plain; charset="us-ascii" (Plain text)', 'text/plain', { charset: 'us-ascii' }],
  ['text (a) / (b (c)) plain ; a = b', 'text/plain', { a: 'b' }],
  ['a/b; c="d \\"e\\" \\\\ f;g"; h=i', 'a/b', { c: 'd "e" \\ f;g', h: 'i' }],
  ['a/b; c="never closed; d=e', 'a/b', { c: 'never closed; d=e' }],
  ['a/b; c; d=; =e; f=g;;', 'a/b', { d: '', f: 'g' }],
  ['a/b c=d e=f', 'a/b', { c: 'd', e: 'f' }],
  ['a/b; c=d; c=e', 'a/b', { c: 'd' }],
  ["a/b; c*=utf-8'de'%C3%A4", 'a/b', { 'c*': "utf-8'de'%C3%A4" }],
  ['a/b; c*1=two; c*0=one', 'a/b', { c: 'onetwo' }],
  ['a/b; c*0*=utf-8\'\'%C3; c*1*=%A4; c*2="x y"', 'a/b', { 'c*': "utf-8''%C3%A4x%20y" }],
  ['a/b; c*0=plain; c*1*=%20x', 'a/b', { 'c*': "''plain%20x" }],
  ['a/b; c*x=1', 'a/b', { 'c*x': '1' }],
  ['', '', {}],
  [';;;', '', {}],
  ['"', '"', {}],
  ['attachment; filename=a=b', 'attachment', { filename: 'a=b' }],
];

describe('values with parameters', () => {
  for (const [text, value, parameters] of VALUES) {
    it(JSON.stringify(text), () => {
      const read = readParameterisedValue(text, 100);
      assert.deepEqual([read.value, Object.fromEntries(read.parameters)], [value, parameters]);
    });
  }

  it('keep names that objects have a meaning for', () => {
    const { parameters } = readParameterisedValue('a/b; __proto__=1; constructor=2; toString=3', 100);
    assert.deepEqual(
      [...parameters],
      [
        ['__proto__', '1'],
        ['constructor', '2'],
        ['tostring', '3'],
      ],
    );
  });

  for (const [text, name] of [
    ["x; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf", 'Grüße.pdf'],
    ['x; filename*0*=iso-8859-1\'\'Gr%FC; filename*1="%DFe"', 'Grü%DFe'],
    ['x; filename*0=a; filename*1=b', 'ab'],
    ['x; filename="=?utf-8?Q?Gr=C3=BC?="', 'Grü'],
    [`x; filename="${Buffer.from('Grüße').toString('latin1')}"`, 'Grüße'],
    ["x; filename=plain; filename*=utf-8''extended", 'extended'],
    ['x; filename*=broken%', 'broken%'],
    ["x; filename*=x-none''%E4", 'ä'],
  ] as const) {
    it(`file name of ${JSON.stringify(text)}`, () => {
      assert.equal(parameterText(readParameterisedValue(text, 100).parameters, 'filename'), name);
    });
  }

  it('name a file by the disposition, else by the type', () => {
    const parameters = new Map([['name', 'type.txt']]);
    const disposition = { value: 'attachment', parameters: new Map([['filename', 'disposition.txt']]) };
    assert.equal(filenameOf({ parameters, disposition }), 'disposition.txt');
    assert.equal(filenameOf({ parameters, disposition: { value: 'inline', parameters: new Map() } }), 'type.txt');
    assert.equal(filenameOf({ parameters: new Map(), disposition: undefined }), undefined);
  });
});

describe('header fields', () => {
  const read = (block: string): string[] =>
    readHeaderFields(Buffer.from(block, 'latin1'), DEFAULT_MIME_LIMITS).fields.map(
      ({ name, value, start, end }) => `${name}|${value.toString('latin1')}|${start}-${end}`,
    );

  for (const [block, ...expected] of [
    ['A: b\r\nC:d\r\n\r\nE: f\r\n', 'a| b|0-6', 'c|d|6-11'],
    ['A: b\n c\n\td\nE: f', 'a| b\n c\n\td|0-11', 'e| f|11-15'],
    ['A: b\r\nA: c\r\n', 'a| b|0-6', 'a| c|6-12'],
    ['A : b\r\n', 'a| b|0-7'],
    ['A:\r\n', 'a||0-4'],
    ['no colon\r\nA: b\r\n', 'a| b|10-16'],
    [': no name\r\n: neither\r\n'],
    [' starts with a fold\r\nA: b\r\n', 'a| b|21-27'],
    ['A: b\rC: d\r\n', 'a| b\rC: d|0-11'],
    ['__proto__: x\r\n', '__proto__| x|0-14'],
    ['A: \0\xff\r\n', 'a| \0\xff|0-7'],
    ['\r\nA: b\r\n'],
    [''],
  ] as const) {
    it(JSON.stringify(block), () => assert.deepEqual(read(block), expected));
  }

  for (const [value, text] of [
    [' a', 'a'],
    [' a\r\n b\r\n\tc ', 'a b\tc'],
    [' a\n \n b', 'a  b'],
    ['\xe4\rb', '\xe4\rb'],
  ] as const) {
    it(`unfold ${JSON.stringify(value)}`, () => assert.equal(unfold(Buffer.from(value, 'latin1')), text));
  }
});

const DATES: readonly (readonly [text: string, iso: string | undefined, zone?: number])[] = [
  ['Fri, 21 Nov 1997 09:55:06 -0600', '1997-11-21T15:55:06.000Z', -360],
  ['21 Nov 1997 09:55:06 +0000', '1997-11-21T09:55:06.000Z', 0],
  ['Fri, 21 Nov 1997 09(comment):   55  :  06 -0600', '1997-11-21T15:55:06.000Z', -360],
  ['21 Nov 97 09:55:06 GMT', '1997-11-21T09:55:06.000Z', 0],
  ['21 Nov 49 09:55 EST', '2049-11-21T14:55:00.000Z', -300],
  ['21 Nov 50 09:55 PDT', '1950-11-21T16:55:00.000Z', -420],
  ['21 Nov 103 00:00:00 Z', '2003-11-21T00:00:00.000Z', 0],
  ['21 Nov 1997 09:55:06 A', '1997-11-21T09:55:06.000Z', 0],
  ['21 Nov 1997 09:55:06', '1997-11-21T09:55:06.000Z', 0],
  ['21 Nov 1997', '1997-11-21T00:00:00.000Z', 0],
  ['Fri, 21 November 1997 09:55:06 +05:30', '1997-11-21T04:25:06.000Z', 330],
  ['Fri Nov 21 09:55:06 1997', '1997-11-21T09:55:06.000Z', 0],
  ['Fri Nov 21 09:55:06 CET 1997', '1997-11-21T09:55:06.000Z', 0],
  ['Fri Nov 21 09:55:06 -0500 1997', '1997-11-21T14:55:06.000Z', -300],
  ['21-Nov-1997 09:55:06 +0100', '1997-11-21T08:55:06.000Z', 60],
  ['1997-11-21T09:55:06Z', '1997-11-21T09:55:06.000Z', 0],
  ['1997-11-21 09:55:06 +0100', '1997-11-21T08:55:06.000Z', 60],
  ['Mon, 21 Aug 95 13:30:57 -600', '1995-08-21T19:30:57.000Z', -360],
  ['Fri, 21 Nov 1997 23:59:60 +0000', '1997-11-21T23:59:59.000Z', 0],
  ['Fri, 21 Nov 1997 09:55:06 -0600 (CST)', '1997-11-21T15:55:06.000Z', -360],
  ['Fri, 21 Nov 1997 09:55:06 -9999', '1997-11-21T09:55:06.000Z', 0],
  ['29 Feb 2024 00:00:00 +0000', '2024-02-29T00:00:00.000Z', 0],
  ['29 Feb 2023 00:00:00 +0000', undefined],
  ['0 Nov 1997 00:00:00 +0000', undefined],
  ['32 Nov 1997 00:00:00 +0000', undefined],
  ['21 Nov 1997 25:00:00 +0000', undefined],
  ['yesterday', undefined],
  ['Nov', undefined],
  ['5 Nov', undefined],
  ['', undefined],
];

describe('dates', () => {
  for (const [text, iso, zone] of DATES) {
    it(JSON.stringify(text), () => {
      const read = readDateTime(text);
      assert.equal(read && new Date(read.at).toISOString(), iso);
      if (iso !== undefined) assert.equal(read?.zoneMinutes, zone);
    });
  }
});
