import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BodyStructure } from '../../../imap-core/protocol/body-structure.ts';
import { bodyStructureText } from '../../../imap-core/responses/body-structure.ts';
import { readImapValue } from '../../support/imap-value.ts';

const SINGLE = {
  parameters: new Map<string, string>(),
  id: undefined,
  description: undefined,
  encoding: '7BIT',
  octets: 12,
  md5: undefined,
  disposition: undefined,
  language: undefined,
  location: undefined,
};
const TEXT: BodyStructure = { kind: 'text', subtype: 'plain', lines: 3, ...SINGLE };
const IMAGE: BodyStructure = {
  kind: 'basic',
  type: 'image',
  subtype: 'png',
  ...SINGLE,
  parameters: new Map([['name', 'a "b".png']]),
  id: '<id@example.org>',
  description: 'gr\xfcn',
  encoding: 'BASE64',
  md5: 'Q2hlY2s=',
  disposition: { value: 'attachment', parameters: new Map([['filename*', "utf-8''%C3%A4"]]) },
  language: ['en', 'de'],
  location: 'http://example.org/',
};
const ENVELOPE = {
  date: undefined,
  subject: 'inner',
  from: [],
  sender: [],
  replyTo: [],
  to: [],
  cc: [],
  bcc: [],
  inReplyTo: undefined,
  messageId: undefined,
};

const CASES: readonly (readonly [what: string, body: BodyStructure, short: string, long: string])[] = [
  [
    'text has lines',
    TEXT,
    '("text" "plain" NIL NIL NIL "7BIT" 12 3)',
    '("text" "plain" NIL NIL NIL "7BIT" 12 3 NIL NIL NIL NIL)',
  ],
  [
    'other types have none',
    IMAGE,
    '("image" "png" ("name" "a \\"b\\".png") "<id@example.org>" {4}\r\ngr\xfcn "BASE64" 12)',
    '("image" "png" ("name" "a \\"b\\".png") "<id@example.org>" {4}\r\ngr\xfcn "BASE64" 12 "Q2hlY2s=" ' +
      '("attachment" ("filename*" "utf-8\'\'%C3%A4")) ("en" "de") "http://example.org/")',
  ],
  [
    'a multipart',
    {
      kind: 'multipart',
      subtype: 'mixed',
      parts: [TEXT, TEXT],
      parameters: new Map([['boundary', 'b']]),
      disposition: { value: 'inline', parameters: new Map() },
      language: undefined,
      location: undefined,
    },
    '(("text" "plain" NIL NIL NIL "7BIT" 12 3)("text" "plain" NIL NIL NIL "7BIT" 12 3) "mixed")',
    '(("text" "plain" NIL NIL NIL "7BIT" 12 3 NIL NIL NIL NIL)("text" "plain" NIL NIL NIL "7BIT" 12 3 NIL NIL NIL NIL) ' +
      '"mixed" ("boundary" "b") ("inline" NIL) NIL NIL)',
  ],
  [
    'a message has its envelope, structure and lines',
    { kind: 'message', subtype: 'rfc822', envelope: ENVELOPE, body: TEXT, lines: 9, ...SINGLE },
    '("message" "rfc822" NIL NIL NIL "7BIT" 12 (NIL "inner" NIL NIL NIL NIL NIL NIL NIL NIL) ' +
      '("text" "plain" NIL NIL NIL "7BIT" 12 3) 9)',
    '("message" "rfc822" NIL NIL NIL "7BIT" 12 (NIL "inner" NIL NIL NIL NIL NIL NIL NIL NIL) ' +
      '("text" "plain" NIL NIL NIL "7BIT" 12 3 NIL NIL NIL NIL) 9 NIL NIL NIL NIL)',
  ],
];

describe('BODY and BODYSTRUCTURE', () => {
  for (const [what, body, short, long] of CASES) {
    it(what, () => {
      assert.equal(bodyStructureText(body, false), short);
      assert.equal(bodyStructureText(body, true), long);
      for (const text of [short, long]) readImapValue(Buffer.from(text, 'latin1'));
    });
  }
});
