import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  createCharsetDecoder,
  createTransferDecoder,
  decodeCharset,
  decodeTransfer,
  filenameOf,
  htmlToText,
  preview,
} from '../../lib/mime/index.ts';
import { handWrittenMessages } from '../corpus/own-messages.ts';
import { scan } from '../support/scan.ts';

const BASE64: readonly (readonly [written: string, decoded: string])[] = [
  ['SGVsbG8=', 'Hello'],
  ['SGVs\r\nbG8=\r\n', 'Hello'],
  ['S G\tV\ns*b-G_8=', 'Hello'],
  ['SGVsbG8', 'Hello'],
  ['SGVsbG', 'Hell'],
  ['SGVsb', 'Hel'],
  ['YQ==YQ==', 'aa'],
  ['YQ=YQ', 'aa'],
  ['====', ''],
  ['', ''],
  ['\xff\0', ''],
];

const QUOTED: readonly (readonly [written: string, decoded: string])[] = [
  ['a=3Db', 'a=b'],
  ['=c3=a4', '\xc3\xa4'],
  ['soft=\r\nbreak', 'softbreak'],
  ['soft=\nbreak', 'softbreak'],
  ['soft= \t\r\nbreak', 'softbreak'],
  ['trailing \t\r\nblanks \n', 'trailing\r\nblanks\n'],
  ['inner  blanks', 'inner  blanks'],
  ['at the end  ', 'at the end'],
  ['at the end=', 'at the end'],
  ['at the end=3', 'at the end=3'],
  ['at the end=\r', 'at the end=\r'],
  ['==41', '=A'],
  ['=ZZ=4Z', '=ZZ=4Z'],
  ['a=\rb', 'a=\rb'],
  ['a \rb', 'a \rb'],
  ['a \r', 'a \r'],
  [`${' '.repeat(5000)}x`, `${' '.repeat(5000)}x`],
  ['\0\xff', '\0\xff'],
];

describe('transfer encodings', () => {
  for (const [encoding, cases] of [
    ['base64', BASE64],
    ['quoted-printable', QUOTED],
  ] as const) {
    for (const [written, decoded] of cases) {
      it(`${encoding} ${JSON.stringify(written.slice(0, 40))}, however it is cut`, () => {
        const octets = Buffer.from(written, 'latin1');
        assert.equal(decodeTransfer(octets, encoding).toString('latin1'), decoded);
        for (const chunk of [1, 2, 3, 5, 1000]) {
          const decoder = createTransferDecoder(encoding);
          const pieces: Buffer[] = [];
          for (let at = 0; at < octets.length; at += chunk) {
            pieces.push(Buffer.from(decoder.write(octets.subarray(at, at + chunk))));
          }
          pieces.push(decoder.end());
          assert.equal(Buffer.concat(pieces).toString('latin1'), decoded, `in pieces of ${chunk}`);
        }
      });
    }
  }

  it('leaves alone what is none', () => {
    for (const encoding of ['7bit', '8bit', 'binary', 'other'] as const) {
      assert.equal(decodeTransfer(Buffer.from('a=3D \r\n'), encoding).toString(), 'a=3D \r\n');
    }
  });
});

/** What the text of each charset message says, and how the charset may be named besides. */
const CHARSETS: ReadonlyMap<string, string> = new Map([
  ['big5', '你好'],
  ['cp437', 'Größe'],
  ['euc-kr', '안녕'],
  ['gb18030', '你好𠀀'],
  ['hostile', 'Größe\r\n'],
  ['iso-2022-jp', 'こんにちは'],
  ['iso-8859-1', 'Größe'],
  ['iso-8859-15', '10 €'],
  ['koi8-r', 'Привет'],
  ['macintosh', 'Größe'],
  ['missing', 'Größe\r\n'],
  ['shift_jis', 'こんにちは'],
  ['unknown', 'Größe\r\n'],
  ['utf-16', 'Größe'],
  ['utf-16be', 'Größe'],
  ['utf-7', 'Größe'],
  ['windows-1251', 'Привет'],
  ['windows-1252', '“quotes”'],
  ['wrong', 'Gr\ufffd\ufffde\r\n'],
]);

describe('charsets', () => {
  for (const { name, octets } of handWrittenMessages().filter((message) => message.name.includes('/charset-'))) {
    it(name, () => {
      const part = scan(octets).parts[0]!;
      const body = decodeTransfer(octets.subarray(part.bodyStart, part.bodyEnd), part.encoding);
      const charset = part.parameters.get('charset');
      const expected = CHARSETS.get(/charset-(.*)\.eml/.exec(name)![1]!);
      assert.equal(decodeCharset(body, charset), expected);
      const decoder = createCharsetDecoder(charset);
      const pieces = Array.from(body, (octet) => decoder.write(Buffer.of(octet)));
      assert.equal(pieces.join('') + decoder.end(), expected, 'octet by octet');
    });
  }

  it('takes names as they are met, and none that means something else', () => {
    const latin = Buffer.from('\xe4', 'latin1');
    for (const name of [
      'LATIN1',
      ' "iso-8859-1" ',
      'x-none',
      'constructor',
      '__proto__',
      'base64',
      'hex',
      'a'.repeat(1000),
      '',
    ]) {
      assert.equal(decodeCharset(latin, name), 'ä', name);
    }
  });
});

describe('file names of the corpus', () => {
  for (const [name, expected] of [
    ['filename-rfc2231', 'Grüße.pdf'],
    ['filename-continued', 'Grü%DFe und mehr.pdf'],
    ['filename-continued-plain', 'a very long name.pdf'],
    ['filename-encoded-word', 'Grüße.pdf'],
    ['filename-utf8', 'Grüße.pdf'],
    ['filename-quoting', 'a "b" \\ c;d.pdf'],
    ['filename-unquoted', 'my'],
    ['filename-path', '../../etc/passwd'],
    ['parameters-twice', 'a'],
    ['parameters-broken', 'x.txt'],
    ['mixed-attachment', undefined],
  ] as const) {
    it(name, () => {
      const message = handWrittenMessages().find((candidate) => candidate.name === `own/${name}.eml`)!;
      assert.equal(filenameOf(scan(message.octets).parts[1]!), expected);
    });
  }
});

const HTML: readonly (readonly [html: string, text: string])[] = [
  ['', ''],
  ['plain', 'plain'],
  ['<p>one</p><p>two</p>', 'one\ntwo'],
  ['<b>wo</b>rd', 'word'],
  ['a<br>b<BR/>c', 'a\nb\nc'],
  ['a  \n b', 'a b'],
  [
    'a&nbsp;b &lt;c&gt; &#228; &#xe4; &auml; &amp;amp; &unknown; &#0; &#x110000;',
    'a b <c> ä ä ä &amp; &unknown; \ufffd \ufffd',
  ],
  ['<script>x < y</script><style>p{}</style>text', 'text'],
  ['<head><title>t</title><meta x></head><body>b', 'b'],
  ['<head><title>t</title><p>head never closed', 'head never closed'],
  ['<!-- c --><!doctype html>a<![CDATA[ x ]]>', 'a'],
  ['<td>1</td><td>2</td>', '1 2'],
  ['<tr><td>1<td>2<tr><td>3', '1 2\n3'],
  ['a < b > c', 'a < b > c'],
  ['<a href="x>y">link</a>', 'link'],
  ['never <b', 'never'],
  ['<constructor>x</constructor>', 'x'],
  ['<__proto__>x', '<__proto__>x'],
];

describe('HTML as text', () => {
  for (const [html, text] of HTML) it(JSON.stringify(html), () => assert.equal(htmlToText(html), text));

  it('reads two mebibytes', () => {
    const limit = 2 * 1024 * 1024;
    for (const [length, expected] of [
      [limit - 1, limit - 1],
      [limit, limit],
      [limit + 1, limit],
    ] as const) {
      assert.equal(htmlToText('x'.repeat(length)).length, expected);
    }
  });
});

describe('previews', () => {
  for (const [text, expected] of [
    ['', ''],
    ['  short \r\n text\t', 'short text'],
    ['x'.repeat(128), 'x'.repeat(128)],
    ['x'.repeat(129), `${'x'.repeat(128)}…`],
    [`${'x'.repeat(127)} y`, `${'x'.repeat(127)}…`],
    [`${'x'.repeat(128)} y`, `${'x'.repeat(128)}…`],
    ['word '.repeat(100), `${'word '.repeat(25).trim()}…`],
    ['😀'.repeat(128), '😀'.repeat(128)],
    ['😀'.repeat(129), `${'😀'.repeat(128)}…`],
    ['a\u202eb\0c\u200bd', 'a b c d'],
    [`a${' '.repeat(100_000)}b`, 'a…'],
  ] as const) {
    it(JSON.stringify(text.slice(0, 20)), () => assert.equal(preview(text), expected));
  }
});
