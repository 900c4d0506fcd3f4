import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { imapRenderer } from '../../../lib/frontends/imap/index.ts';
import type { MimePart } from '../../../lib/mime/index.ts';
import { handWrittenMessages } from '../../corpus/own-messages.ts';
import { corpusMessages } from '../../support/corpora.ts';
import { readImapValue } from '../../support/imap-value.ts';
import type { ImapValue } from '../../support/imap-value.ts';
import { scan } from '../../support/scan.ts';

const messages = new Map(
  handWrittenMessages().map(({ name, octets }) => [name.replace(/^own\/(.*)\.eml$/, '$1'), octets]),
);

function render(name: string): { readonly envelope: string; readonly bodyStructure: string; readonly body: string } {
  const { envelope, bodyStructure, body } = imapRenderer.render(scan(messages.get(name)!));
  return { envelope: text(envelope), bodyStructure: text(bodyStructure), body: text(body) };
}

const text = (octets: Buffer): string => octets.toString('latin1');
const list = (value: ImapValue | undefined): readonly ImapValue[] =>
  typeof value === 'object' && value !== null ? value : [];

const ENVELOPES: ReadonlyMap<string, string> = new Map([
  [
    'plain',
    '("Mon, 2 Nov 2026 10:00:00 +0100" "plain" (("Ada" NIL "ada" "example.org")) (("Ada" NIL "ada" "example.org")) ' +
      '(("Ada" NIL "ada" "example.org")) (("Bob" NIL "bob" "example.net")) NIL NIL NIL "<plain@example.org>")',
  ],
  ['body-only', '(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)'],
  [
    'folding',
    '(NIL {51}\r\nfolded with a space\tand a tab    after a blank line ((NIL NIL "ada" "example.org")) ' +
      '((NIL NIL "ada" "example.org")) ((NIL NIL "ada" "example.org")) NIL NIL NIL NIL NIL)',
  ],
  [
    'groups',
    '(NIL "groups" ((NIL NIL "Managing Partners" NIL)(NIL NIL "ben" "example.com")(NIL NIL "carol" "example.com")' +
      '(NIL NIL NIL NIL)) (("Secretary, Chief" NIL "sec" "example.com")) ((NIL NIL "" "")) ' +
      '((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)) ((NIL NIL "A Group" NIL)("Ed Jones" NIL "joe" "where.test")' +
      '(NIL NIL "joe" "where.test")("John" NIL "jdoe" "one.test")(NIL NIL NIL NIL)(NIL NIL "last" "example.net")) NIL NIL NIL)',
  ],
  [
    'nul',
    '(NIL "ab" (("Ada" NIL "ada" "example.org")) (("Ada" NIL "ada" "example.org")) (("Ada" NIL "ada" "example.org")) ' +
      'NIL NIL NIL NIL NIL)',
  ],
  [
    'date-garbage',
    '("yesterday afternoon" "" ((NIL NIL "a" "example.org")) ((NIL NIL "a" "example.org")) ((NIL NIL "a" "example.org")) NIL NIL NIL NIL NIL)',
  ],
]);

const STRUCTURES: ReadonlyMap<string, string> = new Map([
  ['plain', '("text" "plain" NIL NIL NIL "7BIT" 11 1 NIL NIL NIL NIL)'],
  [
    'mixed-attachment',
    '(("text" "plain" NIL NIL NIL "7BIT" 15 1 NIL NIL NIL NIL)("image" "png" ("name" "dot.png") "<dot@example.org>" "a dot" ' +
      '"BASE64" 274 "Q2hlY2sgSW50ZWdyaXR5IQ==" ("attachment" ("filename" "dot.png" "size" "200")) ("en" "de") ' +
      '"http://example.org/dot.png") "mixed" ("boundary" "mix") NIL NIL NIL)',
  ],
  [
    'message-in-base64',
    '(("application" "octet-stream" ("name" "x.eml") NIL NIL "BASE64" 68 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)',
  ],
  [
    'boundary-201',
    `("application" "octet-stream" ("boundary" "${'x'.repeat(201)}") NIL NIL "7BIT" 419 NIL NIL NIL NIL)`,
  ],
  ['missing-start', '("text" "plain" NIL NIL NIL "7BIT" 38 2 NIL NIL NIL NIL)'],
  [
    'message-global',
    '("message" "global" NIL NIL NIL "7BIT" 59 (NIL {7}\r\nGr\xc3\xbc\xc3\x9fe (({7}\r\nJ\xc3\xbcrgen NIL {3}\r\nj\xc3\xbc "example.org")) ' +
      '(({7}\r\nJ\xc3\xbcrgen NIL {3}\r\nj\xc3\xbc "example.org")) (({7}\r\nJ\xc3\xbcrgen NIL {3}\r\nj\xc3\xbc "example.org")) NIL NIL NIL NIL NIL) ' +
      '("text" "plain" NIL NIL NIL "7BIT" 6 1 NIL NIL NIL NIL) 4 NIL NIL NIL NIL)',
  ],
  [
    'hostile-names',
    '("text" "plain" ("__proto__" "1" "constructor" "2" "charset" "utf-8") NIL NIL "7BIT" 6 1 NIL ("inline" ("tostring" "3")) NIL NIL)',
  ],
]);

describe('what FETCH sends', () => {
  for (const [name, expected] of ENVELOPES)
    it(`ENVELOPE of ${name}`, () => assert.equal(render(name).envelope, expected));

  for (const [name, expected] of STRUCTURES) {
    it(`BODYSTRUCTURE of ${name}`, () => assert.equal(render(name).bodyStructure, expected));
  }

  it('BODY is BODYSTRUCTURE without extension data', () => {
    assert.equal(
      render('mixed-attachment').body,
      '(("text" "plain" NIL NIL NIL "7BIT" 15 1)("image" "png" ("name" "dot.png") "<dot@example.org>" "a dot" "BASE64" 274) "mixed")',
    );
  });

  /** Walks the value that we sent and the parts that it speaks of, side by side. */
  function assertSame(value: readonly ImapValue[], part: MimePart, parts: readonly MimePart[], name: string): void {
    const children = part.children.map((child) => parts[child]!);
    if (part.kind === 'multipart') {
      const bodies = value.slice(0, children.length);
      assert.ok(bodies.length > 0 && bodies.every((body) => Array.isArray(body)), name);
      assert.equal(value[children.length], part.subtype, name);
      bodies.forEach((body, index) => assertSame(list(body), children[index]!, parts, name));
      return;
    }
    assert.equal(value[6], part.bodyEnd - part.bodyStart, name);
    if (part.kind === 'message') {
      assert.equal(list(value[7]).length, 10, name);
      assertSame(list(value[8]), children[0]!, parts, name);
      assert.equal(value[9], part.bodyLines, name);
    } else if (part.type === 'text') assert.equal(value[7], part.bodyLines, name);
  }

  it('is in the grammar and says what the part table says, for every message of the corpora', () => {
    const all = corpusMessages();
    for (const { name, octets } of all) {
      const { parts, ...scanned } = scan(octets);
      const { envelope, bodyStructure, body } = imapRenderer.render({ parts, ...scanned });
      assert.equal(list(readImapValue(envelope)).length, 10, name);
      assertSame(list(readImapValue(bodyStructure)), parts[0]!, parts, name);
      assertSame(list(readImapValue(body)), parts[0]!, parts, name);
    }
    assert.ok(all.length >= 200, `${all.length} messages`);
  });
});
