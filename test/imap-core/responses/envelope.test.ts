import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Envelope, EnvelopeAddress, EnvelopeMailbox } from '../../../imap-core/protocol/envelope.ts';
import { envelopeText } from '../../../imap-core/responses/envelope.ts';
import { readImapValue } from '../../support/imap-value.ts';

const EMPTY: Envelope = {
  date: undefined,
  subject: undefined,
  from: [],
  sender: [],
  replyTo: [],
  to: [],
  cc: [],
  bcc: [],
  inReplyTo: undefined,
  messageId: undefined,
};

function mailbox(name: string | undefined, local: string, host: string, route?: string): EnvelopeMailbox {
  return { kind: 'mailbox', name, route, mailbox: local, host };
}

const ADA: readonly EnvelopeAddress[] = [mailbox('Ada', 'ada', 'example.org')];
const BOB: readonly EnvelopeAddress[] = [mailbox(undefined, 'bob', 'example.net')];

const CASES: readonly (readonly [what: string, envelope: Partial<Envelope>, text: string])[] = [
  ['nothing at all', {}, '(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)'],
  [
    'fields that are there and empty',
    { date: '', subject: '', inReplyTo: '', messageId: '' },
    '("" "" NIL NIL NIL NIL NIL NIL "" "")',
  ],
  [
    'Sender and Reply-To as From where they say nothing',
    { from: ADA },
    '(NIL NIL (("Ada" NIL "ada" "example.org")) (("Ada" NIL "ada" "example.org")) (("Ada" NIL "ada" "example.org")) NIL NIL NIL NIL NIL)',
  ],
  [
    'Sender and Reply-To of their own',
    { from: ADA, sender: BOB, replyTo: BOB },
    '(NIL NIL (("Ada" NIL "ada" "example.org")) ((NIL NIL "bob" "example.net")) ((NIL NIL "bob" "example.net")) NIL NIL NIL NIL NIL)',
  ],
  ['no From, but a Sender', { sender: BOB }, '(NIL NIL NIL ((NIL NIL "bob" "example.net")) NIL NIL NIL NIL NIL NIL)'],
  [
    'several addresses without blanks between, and a route',
    { to: [...BOB, mailbox('', 'c', 'd', '@a,@b')] },
    '(NIL NIL NIL NIL NIL ((NIL NIL "bob" "example.net")("" "@a,@b" "c" "d")) NIL NIL NIL NIL)',
  ],
  [
    'a group between its markers',
    { cc: [{ kind: 'group', name: 'A "Group"', members: BOB as EnvelopeMailbox[] }] },
    '(NIL NIL NIL NIL NIL NIL ((NIL NIL "A \\"Group\\"" NIL)(NIL NIL "bob" "example.net")(NIL NIL NIL NIL)) NIL NIL NIL)',
  ],
  [
    'an empty group',
    { bcc: [{ kind: 'group', name: 'undisclosed-recipients', members: [] }] },
    '(NIL NIL NIL NIL NIL NIL NIL ((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)) NIL NIL)',
  ],
  [
    'an address without a domain is no marker of a group',
    { to: [mailbox(undefined, 'x', ''), mailbox(undefined, '', '')] },
    '(NIL NIL NIL NIL NIL ((NIL NIL "x" "")(NIL NIL "" "")) NIL NIL NIL NIL)',
  ],
  ['quotes and backslashes', { subject: 'a "b" \\c' }, '(NIL "a \\"b\\" \\\\c" NIL NIL NIL NIL NIL NIL NIL NIL)'],
  ['8-bit octets as a literal', { subject: 'a\xe4' }, '(NIL {2}\r\na\xe4 NIL NIL NIL NIL NIL NIL NIL NIL)'],
  ['line ends as a literal', { subject: 'a\r\nb)' }, '(NIL {5}\r\na\r\nb) NIL NIL NIL NIL NIL NIL NIL NIL)'],
  ['a bare CR as a literal', { messageId: '\r' }, '(NIL NIL NIL NIL NIL NIL NIL NIL NIL {1}\r\n\r)'],
  ['what looks like a literal', { subject: '{5}' }, '(NIL "{5}" NIL NIL NIL NIL NIL NIL NIL NIL)'],
  ['what looks like NIL', { subject: 'NIL' }, '(NIL "NIL" NIL NIL NIL NIL NIL NIL NIL NIL)'],
];

describe('ENVELOPE', () => {
  for (const [what, envelope, text] of CASES) {
    it(what, () => {
      const written = envelopeText({ ...EMPTY, ...envelope });
      assert.equal(written, text);
      readImapValue(Buffer.from(written, 'latin1'));
    });
  }
});
