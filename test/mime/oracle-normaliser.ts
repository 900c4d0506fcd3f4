import { createHash } from 'node:crypto';
import { decodeHeaderText, parameterText, readDateTime } from '../../lib/mime/index.ts';
import type { MimePart } from '../../lib/mime/index.ts';
import type { ImapValue } from '../support/imap-value.ts';

/**
 * The one form in which structures of different origins are compared. Fields that an origin does not tell are left out
 * there, and compared nowhere.
 */
export interface NormalPart {
  /** `1.2`, as IMAP numbers parts; `0` for the root of the message, `1.2/0` for the root of the message in part 1.2. */
  readonly path: string;
  readonly fields: ReadonlyMap<string, string>;
}

export interface NormalMessage {
  readonly parts: readonly NormalPart[];
  /** By path of the message: '' for the whole, `1.2` for the one in that part. */
  readonly envelopes: readonly NormalPart[];
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const asList = (value: ImapValue | undefined): readonly ImapValue[] =>
  typeof value === 'object' && value !== null ? value : [];
const asText = (value: ImapValue | undefined): string => (typeof value === 'string' ? value : '');

/** Names and values as `name=value`, in no order: the order of parameters means nothing (RFC 2045 section 5.1). */
export function parametersText(entries: readonly (readonly [string, string])[]): string {
  return entries
    .map(([name, value]) => `${name.toLowerCase()}=${value}`)
    .sort()
    .join('; ');
}

export function identifier(text: string): string {
  return text.trim().replace(/^<|>$/g, '').trim();
}

/** Blanks of any number count as one: folding adds and takes them (RFC 5322 section 2.2.3). */
export function plain(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/**
 * Whether what we say is what an oracle says. Its U+FFFD stands for octets that it could not read, and we may: headers
 * in unannounced 8-bit charsets are shown as windows-1252.
 */
export function agrees(ours: string, oracle: string): boolean {
  if (!oracle.includes('\ufffd')) return ours === oracle;
  const pattern = oracle.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&').replaceAll('\ufffd', '.{1,3}');
  return new RegExp(`^${pattern}$`, 'su').test(ours);
}

/**
 * An oracle's view as IMAP has to see it, in two points where its grammar leaves no choice:
 * a multipart without parts is the text that it is shown as (RFC 3501 section 9: body-type-mpart = 1*body), and a message
 * in base64 or quoted-printable (RFC 2046 section 5.2.1 forbids it) is a leaf, for part numbers and sizes speak of octets
 * as they stand in the message (RFC 3501 section 6.4.5).
 */
export function asImapSees({ parts, envelopes }: NormalMessage): NormalMessage {
  const encoded = parts.filter(
    ({ fields }) =>
      fields.get('type') === 'message/rfc822' && /^(?:base64|quoted-printable)$/.test(fields.get('encoding') ?? ''),
  );
  const isInside = (path: string): boolean => encoded.some((part) => path.startsWith(`${part.path}/`));
  const isEncoded = (path: string): boolean => encoded.some((part) => path === part.path) || isInside(path);
  return {
    parts: parts
      .filter(({ path }) => !isInside(path))
      .map(({ path, fields }) => {
        if (encoded.some((part) => part.path === path)) {
          return { path, fields: new Map([...fields, ['type', 'application/octet-stream']]) };
        }
        return fields.get('parts') === '0' ? { path, fields: new Map([['type', 'text/plain']]) } : { path, fields };
      }),
    envelopes: envelopes.filter(({ path }) => path === '' || !isEncoded(path)),
  };
}

/** Of a decoded body; line breaks count as LF, for some write them as CRLF whatever they were (RFC 2045 section 6.7, rule 4). */
export function decodedHash(octets: Buffer): string {
  return createHash('sha256').update(octets.toString('latin1').replaceAll('\r\n', '\n'), 'latin1').digest('hex');
}

/* What we render */

export function normaliseRendered(envelope: ImapValue, bodyStructure: ImapValue): NormalMessage {
  const parts: NormalPart[] = [];
  const envelopes: NormalPart[] = [{ path: '', fields: renderedEnvelope(asList(envelope)) }];
  const walk = (value: ImapValue, path: string): void => {
    const body = asList(value);
    const bodies = body.filter(
      (element, index): element is readonly ImapValue[] =>
        Array.isArray(element) && body.slice(0, index).every((earlier) => Array.isArray(earlier)),
    );
    if (bodies.length > 0) {
      const extension = body.slice(bodies.length);
      parts.push({
        path,
        fields: new Map([
          ['type', `multipart/${asText(extension[0]).toLowerCase()}`],
          ['parts', String(bodies.length)],
          ['parameters', renderedParameters(extension[1])],
          ['disposition', renderedDisposition(extension[2])],
        ]),
      });
      bodies.forEach((inner, index) => walk(inner, childPath(path, index)));
      return;
    }
    const type = `${asText(body[0])}/${asText(body[1])}`.toLowerCase();
    const isMessage = type === 'message/rfc822' || type === 'message/global';
    const disposition = body[isMessage ? 11 : type.startsWith('text/') ? 9 : 8];
    parts.push({
      path,
      fields: new Map([
        ['type', type],
        ['parameters', renderedParameters(body[2])],
        ['id', identifier(asText(body[3]))],
        ['description', plain(decodeHeaderText(asText(body[4])))],
        ['encoding', asText(body[5]).toLowerCase()],
        ['octets', String(body[6])],
        ['disposition', renderedDisposition(disposition)],
      ]),
    });
    if (isMessage) {
      envelopes.push({ path, fields: renderedEnvelope(asList(body[7])) });
      walk(body[8] ?? null, `${path}/0`);
    }
  };
  walk(bodyStructure, '0');
  return { parts, envelopes };
}

export function childPath(path: string, index: number): string {
  return path.endsWith('0') && (path === '0' || path.endsWith('/0'))
    ? `${path.slice(0, -1)}${index + 1}`
    : `${path}.${index + 1}`;
}

function renderedParameters(value: ImapValue | undefined): string {
  const list = asList(value).map(asText);
  const raw = new Map<string, string>();
  for (let index = 0; index + 1 < list.length; index += 2) raw.set(list[index]!, list[index + 1]!);
  const names = new Set([...raw.keys()].map((name) => name.replace(/\*$/, '')));
  return parametersText([...names].map((name) => [name, plain(parameterText(raw, name) ?? '')]));
}

function renderedDisposition(value: ImapValue | undefined): string {
  const [name, parameters] = asList(value);
  if (name === undefined) return '';
  return `${asText(name).toLowerCase()} (${renderedParameters(parameters)})`;
}

function renderedEnvelope(envelope: readonly ImapValue[]): ReadonlyMap<string, string> {
  const [date, subject, from, , , to, cc, bcc, inReplyTo, messageId] = envelope;
  const zoned = readDateTime(asText(date));
  return new Map([
    ['date', zoned === undefined ? '' : dateText(zoned.at, zoned.zoneMinutes)],
    ['subject', plain(decodeHeaderText(asText(subject)))],
    ['from', renderedAddresses(from)],
    ['to', renderedAddresses(to)],
    ['cc', renderedAddresses(cc)],
    ['bcc', renderedAddresses(bcc)],
    ['in-reply-to', identifier(asText(inReplyTo))],
    ['message-id', identifier(asText(messageId))],
  ]);
}

function dateText(at: number, zoneMinutes: number): string {
  return `${new Date(at).toISOString()} ${zoneMinutes}`;
}

function renderedAddresses(value: ImapValue | undefined): string {
  return asList(value)
    .map((address) => {
      const [name, , mailbox, host] = asList(address);
      if (host === null) return mailbox === null ? '}' : `${plain(decodeHeaderText(asText(mailbox)))} {`;
      // What has no domain is a name to some and an address to others.
      if (asText(host) === '') return addressText(plain(decodeHeaderText(asText(mailbox))), '');
      const text = Buffer.from(`${asText(mailbox)}@${asText(host)}`, 'latin1').toString();
      return addressText(plain(decodeHeaderText(asText(name))), text);
    })
    .join(' ');
}

/** Quotes round a local part say nothing of what it is (RFC 5321 section 4.1.2). */
function addressText(name: string, address: string): string {
  return `${name}<${address.replace(/^"(.*)"(?=@)/, '$1').replace(/\\(.)/g, '$1')}>`;
}

/** The parts of our table by their path in BODYSTRUCTURE. */
export function partsByPath(parts: readonly MimePart[]): ReadonlyMap<string, MimePart> {
  const byPath = new Map<string, MimePart>();
  const paths: string[] = [];
  for (const part of parts) {
    const parent = parts[part.parent];
    const parentPath = paths[part.parent] ?? '';
    const path =
      parent === undefined
        ? '0'
        : parent.kind === 'message'
          ? `${parentPath}/0`
          : childPath(parentPath, parent.children.indexOf(part.index));
    paths.push(path);
    byPath.set(path, part);
  }
  return byPath;
}

/* mail-parser: JSON */

interface MailParserPart {
  readonly headers: readonly { readonly name: Json; readonly value: Json }[];
  readonly body: string | { readonly [kind: string]: Json };
  readonly offset_header: number;
  readonly offset_body: number;
  readonly offset_end: number;
}

export function normaliseMailParser(json: unknown): NormalMessage {
  const parts: NormalPart[] = [];
  const envelopes: NormalPart[] = [];
  const walkMessage = (message: { readonly parts: readonly MailParserPart[] }, messagePath: string): void => {
    const walk = (index: number, path: string, isInDigest: boolean): void => {
      const part = message.parts[index]!;
      const isMultipart = typeof part.body === 'object' && 'Multipart' in part.body;
      const inner = typeof part.body === 'object' ? part.body['Message'] : undefined;
      const fields = mailParserFields(part, isInDigest);
      if (isMultipart) {
        const children = (part.body as { readonly Multipart: readonly number[] }).Multipart;
        fields.set('parts', String(children.length));
        for (const name of ['octets', 'encoding', 'id', 'description']) fields.delete(name);
        parts.push({ path, fields });
        const isDigest = fields.get('type') === 'multipart/digest';
        children.forEach((child, position) => walk(child, childPath(path, position), isDigest));
        return;
      }
      parts.push({ path, fields });
      if (inner !== undefined) walkMessage(inner as never, path);
    };
    envelopes.push({ path: messagePath, fields: mailParserEnvelope(message.parts[0]!) });
    walk(0, messagePath === '' ? '0' : `${messagePath}/0`, false);
  };
  walkMessage(json as never, '');
  return asImapSees({ parts, envelopes });
}

function headerValue(part: MailParserPart, name: string): Json | undefined {
  return part.headers.find((header) => header.name === name)?.value;
}

function variant(value: Json | undefined, name: string): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, Json>)[name]
    : undefined;
}

function textHeader(part: MailParserPart, name: string): string {
  const value = headerValue(part, name);
  const list = variant(value, 'TextList');
  const text = variant(value, 'Text') ?? (Array.isArray(list) ? list.join(' ') : '');
  return typeof text === 'string' ? plain(text) : '';
}

function mailParserParameters(value: Json | undefined): string {
  const attributes = variant(value, 'attributes');
  if (!Array.isArray(attributes)) return '';
  return parametersText(
    (attributes as { name: string; value: string }[]).map(({ name, value: text }) => [name, plain(text)]),
  );
}

function mailParserFields(part: MailParserPart, isInDigest: boolean): Map<string, string> {
  const contentType = variant(headerValue(part, 'content_type'), 'ContentType');
  const disposition = variant(headerValue(part, 'content_disposition'), 'ContentType');
  const type = variant(contentType, 'c_type');
  const subtype = variant(contentType, 'c_subtype');
  const hasType = typeof type === 'string' && typeof subtype === 'string';
  const isMultipart = typeof part.body === 'object' && 'Multipart' in part.body;
  // A multipart in name only: as one without parts.
  if (hasType && type.toLowerCase() === 'multipart' && !isMultipart) return new Map([['type', 'text/plain']]);
  const encoding = textHeader(part, 'content_transfer_encoding').toLowerCase();
  const dispositionType = variant(disposition, 'c_type');
  return new Map([
    ['type', hasType ? `${type}/${subtype}`.toLowerCase() : isInDigest ? 'message/rfc822' : 'text/plain'],
    ['parameters', hasType ? mailParserParameters(contentType) : ''],
    ['id', identifier(textHeader(part, 'content_id'))],
    ['description', textHeader(part, 'content_description')],
    ['encoding', encoding === '' ? '7bit' : encoding],
    ['octets', String(part.offset_end - part.offset_body)],
    [
      'disposition',
      typeof dispositionType === 'string'
        ? `${dispositionType.toLowerCase()} (${mailParserParameters(disposition)})`
        : '',
    ],
  ]);
}

interface MailParserDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly tz_before_gmt: boolean;
  readonly tz_hour: number;
  readonly tz_minute: number;
}

function mailParserEnvelope(part: MailParserPart): ReadonlyMap<string, string> {
  const date = variant(headerValue(part, 'date'), 'DateTime') as MailParserDate | undefined;
  return new Map([
    ['date', date === undefined ? '' : mailParserDate(date)],
    ['subject', textHeader(part, 'subject')],
    ['from', mailParserAddresses(headerValue(part, 'from'))],
    ['to', mailParserAddresses(headerValue(part, 'to'))],
    ['cc', mailParserAddresses(headerValue(part, 'cc'))],
    ['bcc', mailParserAddresses(headerValue(part, 'bcc'))],
    ['in-reply-to', textHeader(part, 'in_reply_to')],
    ['message-id', textHeader(part, 'message_id')],
  ]);
}

function mailParserDate(date: MailParserDate): string {
  const zone = (date.tz_hour * 60 + date.tz_minute) * (date.tz_before_gmt ? -1 : 1);
  const at = Date.UTC(date.year, date.month - 1, date.day, date.hour, date.minute, date.second) - zone * 60_000;
  return Number.isNaN(at) ? '' : dateText(at, zone);
}

function mailParserAddresses(value: Json | undefined): string {
  const address = variant(value, 'Address');
  const list = variant(address, 'List');
  const groups = variant(address, 'Group');
  if (Array.isArray(list)) return mailParserMailboxes(list as Json[]);
  if (!Array.isArray(groups)) return '';
  return (groups as { name: string | null; addresses: Json[] }[])
    .map(({ name, addresses }) =>
      name === null ? mailParserMailboxes(addresses) : `${plain(name)} { ${mailParserMailboxes(addresses)} }`,
    )
    .join(' ')
    .replace(/\s+/g, ' ');
}

function mailParserMailboxes(list: readonly Json[]): string {
  return (list as { name: string | null; address: string | null }[])
    .map(({ name, address }) =>
      address?.includes('@') === true
        ? addressText(plain(name ?? ''), address)
        : addressText(plain(address ?? name ?? ''), ''),
    )
    .join(' ');
}
