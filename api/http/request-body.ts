import type { IncomingMessage, ServerResponse } from 'node:http';
import { MailError } from '../../lib/kernel/errors.ts';

/** Octets of JSON bodies that all requests together may hold in memory. */
const MAX_HELD_OCTETS = 256 * 1024 * 1024;

/** How much of the memory for bodies is taken; a request that finds no room is asked to come back. */
export class BodyBudget {
  #held = 0;

  take(octets: number): void {
    if (this.#held + octets > MAX_HELD_OCTETS) {
      throw new MailError('unavailable', 'Too many large requests at the moment, please try again', {
        retryAfterMs: 5000,
      });
    }
    this.#held += octets;
  }

  give(octets: number): void {
    this.#held -= octets;
  }
}

/** The media type without its parameters, lower case; '' where there is none. */
export function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/**
 * A body that is compressed on its way is not decompressed here, and must not be stored for what it is not.
 * @throws MailError `invalid-input`
 */
export function refuseEncoded({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding !== '' && encoding !== 'identity')
    throw new MailError('invalid-input', 'The body is encoded (Content-Encoding), which no operation takes');
}

/** Announced octets past the limit are refused before they travel. @throws MailError `too-big` */
export function refuseAnnounced(request: IncomingMessage, maxOctets: number): void {
  if (Number(request.headers['content-length'] ?? 0) > maxOctets) throw tooBig(maxOctets);
}

/** Tells a client that waits for it (RFC 9110 section 10.1.1) to send the body. */
export function invite(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
}

/** The body's octets; whoever stops reading leaves the connection whole, so that an answer can be sent. */
export function octetsOf(request: IncomingMessage): AsyncIterable<Buffer> {
  return request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}

/**
 * The whole body as text; what it takes of the budget is the caller's to give back by `release`.
 * @param inspect sees each piece as it arrives, and may throw
 * @throws MailError `too-big`, `unavailable` where the budget has no room, `invalid-input` where it is not UTF-8
 */
export async function readText(
  request: IncomingMessage,
  maxOctets: number,
  budget: BodyBudget,
  inspect: (octets: Buffer) => void = () => undefined,
): Promise<{ readonly text: string; readonly release: () => void }> {
  const chunks: Buffer[] = [];
  let octets = 0;
  try {
    for await (const chunk of octetsOf(request)) {
      if (octets + chunk.length > maxOctets) throw tooBig(maxOctets);
      inspect(chunk);
      budget.take(chunk.length);
      octets += chunk.length;
      chunks.push(chunk);
    }
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
    return { text, release: () => budget.give(octets) };
  } catch (error) {
    budget.give(octets);
    if (error instanceof TypeError) throw new MailError('invalid-input', 'The body is not UTF-8');
    throw error;
  }
}

function tooBig(maxOctets: number): MailError {
  return new MailError('too-big', `The body is larger than ${maxOctets} octets`);
}
