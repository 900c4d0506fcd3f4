import { isIP } from 'node:net';
import type { DeliveryProtocol } from './delivery.ts';

export interface TraceFacts {
  /** Without angle brackets; empty for the null reverse path. */
  readonly reversePath: string;
  /** As the client wrote it. */
  readonly recipient: string;
  readonly helo: string;
  readonly remoteAddress: string;
  /** Name of this host. */
  readonly hostname: string;
  readonly protocol: DeliveryProtocol;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * Return-Path, Delivered-To and Received (RFC 5321 section 4.4) with CRLF line ends, to be put before the message.
 * Whatever the facts contain, the result is exactly these three fields: no line break, control or text that reads
 * backwards gets through. Addresses beyond ASCII stay UTF-8 (RFC 6532).
 */
export function traceFields(facts: TraceFacts): Buffer {
  const recipient = harmless(facts.recipient);
  return Buffer.from(
    `Return-Path: <${harmless(facts.reversePath)}>\r\n` +
      `Delivered-To: ${recipient}\r\n` +
      `Received: from ${peer(facts.helo, facts.remoteAddress)}\r\n` +
      `\tby ${domainOr(facts.hostname, 'localhost')} with ${facts.protocol} id ${atom(facts.id)}\r\n` +
      `\tfor <${recipient}>; ${dateTime(facts.at)}\r\n`,
    'utf8',
  );
}

/** Extended-Domain of RFC 5321 section 4.4: the claimed name, then the address that was seen. */
function peer(helo: string, remoteAddress: string): string {
  const literal = addressLiteral(remoteAddress);
  const name = domainOr(helo, literal ?? 'localhost');
  return literal === undefined ? name : `${name} (${literal})`;
}

const DOMAIN = /^(?=.{1,255}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*$/i;
const LITERAL = /^\[(?:IPv6:)?([0-9a-f:.]{2,45})\]$/i;

function domainOr(text: string, fallback: string): string {
  if (DOMAIN.test(text)) return text;
  const literal = LITERAL.exec(text)?.[1];
  return literal !== undefined && isIP(literal) !== 0 ? text : fallback;
}

/** RFC 5321 section 4.1.3; undefined where there is no IP address, as on a Unix socket. */
function addressLiteral(remoteAddress: string): string | undefined {
  const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 6 ? `[IPv6:${address}]` : `[${address}]`;
}

function atom(text: string): string {
  const safe = text
    .replace(/[^a-z0-9._-]/gi, '')
    .replace(/^\.+|\.+$/g, '')
    .slice(0, 64);
  return safe === '' ? 'none' : safe;
}

/** Controls (C0, DEL, C1), line and paragraph separators, bidirectional marks and lone surrogates become `?`. */
function harmless(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd]/g, '?')
    .slice(0, 800);
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** RFC 5322 section 3.3, in universal time. */
function dateTime(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = DAYS[date.getUTCDay()] ?? '';
  const month = MONTHS[date.getUTCMonth()] ?? '';
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${day}, ${String(date.getUTCDate())} ${month} ${String(date.getUTCFullYear()).padStart(4, '0')} ${time} +0000`;
}
