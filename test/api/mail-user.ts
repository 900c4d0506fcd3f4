import { randomBytes } from 'node:crypto';
import type { ApiClient } from '../support/api-client.ts';
import { openApi, type ApiStack } from './api-stack.ts';

export const PICTURE = randomBytes(3000);

/** With a related picture, a file and a message in it. */
export const MESSAGE = [
  'Return-Path: <bounce@example.net>',
  'Delivered-To: Reader.One@example.com',
  'From: =?utf-8?Q?J=C3=BCrgen?= <juergen@xn--bcher-kva.example>',
  'To: Team: a@example.com, "B, C" <b@example.com>;, reader@example.com',
  'Cc: c@example.com',
  'Subject: =?utf-8?B?R3LDvMOfZQ==?= aus M',
  'Date: Fri, 20 Nov 2026 10:00:00 +0100',
  'Message-ID: <m1@example.com>',
  'References: <r1@example.com>',
  ' <r2@example.com>',
  'List-ID: "The list" <list.example.com>',
  'List-Unsubscribe: <mailto:off@example.com>, <https://example.com/off>',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=outer',
  '',
  '--outer',
  'Content-Type: multipart/related; boundary=inner',
  '',
  '--inner',
  'Content-Type: text/html; charset=iso-8859-1',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  '<p>Gr=FC=DFe</p><img src=3D"cid:pic@x"><script>alert(1)</script>',
  '--inner',
  'Content-Type: image/png',
  'Content-ID: <pic@x>',
  'Content-Transfer-Encoding: base64',
  '',
  PICTURE.toString('base64').replace(/.{76}/g, '$&\r\n'),
  '--inner--',
  '--outer',
  'Content-Type: text/x-notes; name="=?utf-8?Q?n=C3=B6te?= 1.txt"',
  'Content-Disposition: attachment; filename="evil\\"name.txt"',
  '',
  'notes',
  '--outer',
  'Content-Type: message/rfc822',
  '',
  'Subject: inside',
  '',
  'body of inside',
  '--outer--',
  '',
].join('\r\n');

export function simple(subject: string): string {
  return `From: a@example.com\r\nTo: b@example.com\r\nSubject: ${subject}\r\n\r\n${subject}\r\n`;
}

export function subjects(body: Readonly<Record<string, unknown>>): string {
  return (body['results'] as { subject: string }[]).map(({ subject }) => subject).join(' ');
}

/** A user of an API, and what tests do with mail through it. */
export interface MailUser {
  readonly api: ApiStack;
  readonly id: string;
  readonly client: ApiClient;
  readonly inbox: string;
  /** @returns the UID */
  readonly upload: (text: string | Buffer, query?: string, mailbox?: string) => Promise<number>;
  readonly list: (query?: string, mailbox?: string) => Promise<Readonly<Record<string, unknown>>>;
  readonly newMailbox: (path: string) => Promise<string>;
}

export async function openMailUser(username: string): Promise<MailUser> {
  const api = await openApi();
  const user = await api.newUser(username);
  return {
    api,
    ...user,
    upload: async (text, query = '', mailbox = user.inbox) => {
      const path = `/users/me/mailboxes/${mailbox}/messages${query}`;
      const { body } = await user.client.ok('POST', path, Buffer.from(text), 'message/rfc822');
      return (body['message'] as { id: number }).id;
    },
    list: async (query = '', mailbox = user.inbox) =>
      (await user.client.ok('GET', `/users/me/mailboxes/${mailbox}/messages?${query}`)).body,
    newMailbox: async (path) => String((await user.client.ok('POST', '/users/me/mailboxes', { path })).body['id']),
  };
}
