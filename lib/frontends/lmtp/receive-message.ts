import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { toMailError, type MailError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Delivery, DeliveryEnvelope, DeliveryOutcome } from '../../delivery/index.ts';
import type { IngestedMessage, Messages } from '../../messages/index.ts';
import { replyTo, type LmtpReply } from './replies.ts';
import type { LmtpSettings } from './settings.ts';

export interface ReceiveParts {
  readonly delivery: Pick<Delivery, 'deliver'>;
  readonly messages: Pick<Messages, 'ingest'>;
  readonly logger: Logger;
  settings(): LmtpSettings;
}

export interface Received {
  /** In the order of the recipients. */
  readonly replies: readonly LmtpReply[];
  /** True where `replies` stops before a recipient of whom nothing can be claimed: the connection ends there. */
  readonly mustHangUp: boolean;
}

/**
 * Reads one message to the end of its data and delivers it; always reads to the end, for a reply before it would be
 * taken for the reply to something else.
 * @returns undefined where the client went away before the end: nothing was stored
 */
export async function receiveMessage(
  parts: ReceiveParts,
  stream: Readable,
  envelope: DeliveryEnvelope,
): Promise<Received | undefined> {
  let ingested: IngestedMessage;
  try {
    // The stream outlives a reader that gives up, so that the rest can be passed over.
    const source = stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    ingested = await parts.messages.ingest(source, { maxOctets: parts.settings().maxMessageSize });
  } catch (thrown) {
    if (!(await passOver(stream))) return undefined;
    return refused(parts, envelope, toMailError(thrown));
  }
  try {
    if (!stream.readableEnded && !(await passOver(stream))) return undefined;
    return inOrder(parts, await parts.delivery.deliver(ingested, envelope));
  } catch (thrown) {
    return refused(parts, envelope, toMailError(thrown));
  } finally {
    await ingested.dispose().catch((error: unknown) => {
      parts.logger.error({ delivery: envelope.id, err: error }, 'spool of a message could not be removed');
    });
  }
}

/** @returns false where the stream broke off */
async function passOver(stream: Readable): Promise<boolean> {
  if (stream.readableEnded) return true;
  try {
    stream.resume();
    await finished(stream, { writable: false });
    return true;
  } catch {
    return false;
  }
}

function refused(parts: ReceiveParts, envelope: DeliveryEnvelope, error: MailError): Received {
  parts.logger.warn({ delivery: envelope.id, code: error.code, err: error.cause }, 'message refused');
  const reply = replyTo(error, parts.settings());
  return { replies: envelope.recipients.map(() => reply), mustHangUp: false };
}

/** Replies up to the first outcome that is unknown: neither success nor failure may be claimed of it (PROMISES P9). */
function inOrder(parts: ReceiveParts, outcomes: readonly DeliveryOutcome[]): Received {
  const replies: LmtpReply[] = [];
  for (const outcome of outcomes) {
    if (outcome.kind === 'failed' && outcome.error.code === 'outcome-unknown') return { replies, mustHangUp: true };
    replies.push(
      outcome.kind === 'delivered'
        ? { code: 250, text: `2.1.5 Delivered, id ${outcome.messageId} uid ${String(outcome.uid)}` }
        : replyTo(outcome.error, parts.settings()),
    );
  }
  return { replies, mustHangUp: false };
}
