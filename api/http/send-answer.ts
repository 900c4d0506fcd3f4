import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { MailError } from '../../lib/kernel/errors.ts';
import type { ContentAnswer } from './api-request.ts';
import { toErrorAnswer } from './error-answers.ts';

/** How long a client may go on sending a body that nobody reads, so that it sees the answer first. */
const LINGER_MS = 5000;

const COMMON_HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
} as const;

/** Mail is other people's text: no browser may run what is in it, or show it within this origin. */
const CONTENT_HEADERS = {
  ...COMMON_HEADERS,
  'Content-Security-Policy': "default-src 'none'; sandbox",
} as const;

/** As `sendJson`, with the status, the headers and the body that tell of a failure. */
export function sendError(
  exchange: { readonly request: IncomingMessage; readonly response: ServerResponse },
  error: MailError,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { status, headers, body } = toErrorAnswer(error);
  return sendJson(exchange, status, body, { ...headers, ...more });
}

/** Resolves when the answer has left; a client that still sends may then linger, and holds on to nothing else. */
export async function sendJson(
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  if (response.headersSent || response.destroyed) return;
  const octets = Buffer.from(JSON.stringify(body));
  const isUnread = !request.complete;
  response.writeHead(status, {
    ...COMMON_HEADERS,
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': octets.length,
    ...(isUnread && { Connection: 'close' }),
    ...headers,
  });
  await new Promise<void>((resolve) => {
    response.once('close', resolve);
    // Who waits for "100 Continue" has sent nothing yet.
    if (!isUnread || request.headers.expect !== undefined) {
      response.end(octets);
      return;
    }
    // Closing at once would reset the connection while the client still sends, and the answer would be lost.
    response.write(octets, () => resolve());
    const deadline = setTimeout(() => request.destroy(), LINGER_MS).unref();
    const finish = (): void => {
      clearTimeout(deadline);
      response.end();
    };
    request.once('end', finish).once('error', finish).once('close', finish);
    request.resume();
  });
}

/** Streams; a failure behind cuts the connection, for an answer that has begun can only be broken off. */
export async function sendContent(response: ServerResponse, { octets, headers }: ContentAnswer): Promise<void> {
  response.writeHead(200, { ...CONTENT_HEADERS, ...headers });
  await pipeline(octets, response);
}
