import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Readable } from 'node:stream';
import { decodeTransfer } from '../../lib/mime/index.ts';
import { parseMessageId } from '../../lib/kernel/ids.ts';
import type { MessageContent } from '../../lib/messages/index.ts';
import { matchTerms, type SearchTerm } from '../../lib/search/index.ts';
import { TextFinder } from '../../lib/search/text-finder.ts';
import { scan } from '../support/scan.ts';

/** A message's content over octets in memory: what the messages room gives, without its storage. */
function contentOf(text: string): MessageContent {
  const octets = Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');
  const { parts } = scan(octets);
  const empty = Buffer.alloc(0);
  return {
    messageId: parseMessageId('0'.repeat(32))!,
    size: octets.length,
    receivedAt: 0,
    parts: parts.map((part) => ({
      ...part,
      charset: part.parameters.get('charset'),
      filename: undefined,
      disposition: part.disposition?.value,
    })),
    envelope: empty,
    bodyStructure: empty,
    body: empty,
    range: (start, end) => Readable.from([octets.subarray(start, end)]),
    readRange: async (start, end) => octets.subarray(start, end),
    decoded: (index) => {
      const part = parts[index]!;
      const decoded = decodeTransfer(octets.subarray(part.bodyStart, part.bodyEnd), part.encoding);
      // One octet a piece: every text lies across pieces.
      return Readable.from(Array.from(decoded, (octet) => Buffer.from([octet])));
    },
    attachmentOf: () => undefined,
  };
}

const LETTER = contentOf(
  'From: Ann <ann@example.org>\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n =?utf-8?Q?_aus_Wien?=\nX-Empty:\nMIME-Version: 1.0\n' +
    'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n' +
    `${Buffer.from('Schöne Straße, 10 €').toString('base64')}\n--b\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n` +
    '<p>caf=E9 au la=\nit</p>\n--b\nContent-Type: application/octet-stream\n\nbinary needle\n--b\nContent-Type: message/rfc822\n\n' +
    'Subject: inner letter\n\ninner body\n--b--\n',
);

const cases: readonly (readonly [SearchTerm, boolean])[] = [
  [{ kind: 'header', field: 'Subject', value: 'grüße aus WIEN' }, true],
  [{ kind: 'header', field: 'SUBJECT', value: 'aus  wien' }, false],
  [{ kind: 'header', field: 'from', value: 'ANN@example' }, true],
  [{ kind: 'header', field: 'x-empty', value: '' }, true],
  [{ kind: 'header', field: 'x-missing', value: '' }, false],
  [{ kind: 'header', field: 'subject', value: 'inner letter' }, false],
  [{ kind: 'body', value: 'SCHÖNE straße' }, true],
  [{ kind: 'body', value: '10 €' }, true],
  [{ kind: 'body', value: 'Café au lait' }, true],
  [{ kind: 'body', value: 'cafe\u0301 au' }, true],
  [{ kind: 'body', value: 'inner letter' }, true],
  [{ kind: 'body', value: 'inner body' }, true],
  [{ kind: 'body', value: 'needle' }, false],
  [{ kind: 'body', value: 'ann@example.org' }, false],
  [{ kind: 'body', value: 'lait</p>inner' }, false],
  [{ kind: 'text', value: 'ann@example.org' }, true],
  [{ kind: 'text', value: 'from: ann' }, true],
  [{ kind: 'text', value: 'straße' }, true],
  [{ kind: 'text', value: 'nowhere' }, false],
];

describe('text search in one message', () => {
  for (const [term, expected] of cases) {
    it(`${term.kind} ${'field' in term ? `${term.field} ` : ''}${JSON.stringify(term.value)}: ${expected ? 'found' : 'not there'}`, async () => {
      assert.deepEqual([...(await matchTerms(LETTER, [term], new AbortController().signal))], [expected ? 1 : 0]);
    });
  }

  it('answers all terms at once, in their order', async () => {
    const found = await matchTerms(
      LETTER,
      cases.map(([term]) => term),
      new AbortController().signal,
    );
    assert.deepEqual(
      [...found],
      cases.map(([, expected]) => (expected ? 1 : 0)),
    );
  });

  it('ends with the reason of the signal', async () => {
    const signal = AbortSignal.abort(new Error('long enough'));
    await assert.rejects(matchTerms(LETTER, [{ kind: 'body', value: 'nowhere' }], signal), /long enough/);
  });
});

describe('text finder', () => {
  it('finds across pieces, but not across a cut', () => {
    const finder = new TextFinder(['abc', 'cd']);
    finder.write('xa');
    finder.write('b');
    finder.write('C');
    assert.deepEqual([finder.isFound(0), finder.isFound(1)], [true, false]);
    finder.cut();
    finder.write('d');
    assert.equal(finder.isDone, false);
    finder.write('cd');
    assert.equal(finder.isDone, true);
  });
});
