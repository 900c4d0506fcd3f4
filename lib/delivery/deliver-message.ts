import { crashPoint } from '../kernel/crash-point.ts';
import { MailError, toMailError } from '../kernel/errors.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Mailboxes } from '../journal/index.ts';
import type { IngestedMessage, Messages, StoredMessage } from '../messages/index.ts';
import type { Delivery, DeliveryEnvelope, DeliveryOutcome, Recipient } from './delivery.ts';
import type { DeliverySettings } from './settings.ts';
import { traceFields } from './trace-fields.ts';

export interface DeliverMessageParts {
  readonly mailboxes: Pick<Mailboxes, 'deliver' | 'knownQ' | 'usage'>;
  readonly messages: Pick<Messages, 'store'>;
  readonly resolveRecipient: Delivery['resolveRecipient'];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: DeliverySettings;
  readonly hostname: string;
}

/** Octets from which a message may hold an attachment that takes long to store. */
const LARGE = 64 * 1024;

/** One outcome per recipient, in order; equal recipients share one. */
export async function deliverMessage(
  parts: DeliverMessageParts,
  ingested: IngestedMessage,
  envelope: DeliveryEnvelope,
): Promise<readonly DeliveryOutcome[]> {
  const distinct = new Map<string, Recipient>();
  for (const recipient of envelope.recipients) {
    const key = keyOf(recipient);
    if (!distinct.has(key)) distinct.set(key, recipient);
  }
  const outcomes = new Map<string, DeliveryOutcome>();
  const waiting = distinct.entries();
  const worker = async (most = Infinity): Promise<void> => {
    for (const [key, recipient] of waiting) {
      outcomes.set(key, await deliverToOne(parts, ingested, envelope, recipient, true));
      if (outcomes.size >= most) return;
    }
  };
  // The first one stores large attachments; the others then find them there instead of storing them all at once.
  if (ingested.size > LARGE) await worker(1);
  await Promise.all(Array.from({ length: Math.min(parts.settings.concurrency, distinct.size) }, () => worker()));
  return envelope.recipients.map((recipient) => {
    const outcome = outcomes.get(keyOf(recipient));
    if (outcome === undefined) throw new Error('every recipient has an outcome');
    return { ...outcome, recipient };
  });
}

function keyOf(recipient: Recipient): string {
  return `${recipient.account} ${recipient.deliveryAddress}`;
}

async function deliverToOne(
  parts: DeliverMessageParts,
  ingested: IngestedMessage,
  envelope: DeliveryEnvelope,
  recipient: Recipient,
  mayResolveAgain: boolean,
): Promise<DeliveryOutcome> {
  const log = parts.logger.child({ delivery: envelope.id, recipient: recipient.address, account: recipient.account });
  try {
    const outcome = await storeAndCommit(parts, ingested, envelope, recipient);
    crashPoint('delivery.committed');
    log.info(
      {
        mailbox: outcome.mailbox,
        uid: outcome.uid,
        message: outcome.messageId,
        size: outcome.size,
        isRepeat: outcome.isRepeat,
      },
      'message delivered',
    );
    return outcome;
  } catch (thrown) {
    const error = toMailError(thrown);
    const isGone = error.code === 'user-not-found' && mayResolveAgain;
    const again = isGone ? await parts.resolveRecipient(recipient.address).catch(() => undefined) : undefined;
    if (again !== undefined && again.account !== recipient.account)
      return deliverToOne(parts, ingested, envelope, again, false);
    // Still somebody's: the account is being restored, or this node has not heard yet how that ended.
    const told = again === undefined ? error : stillThere(error);
    log.warn({ code: told.code, err: told.cause }, 'message not delivered');
    return { kind: 'failed', recipient, error: told };
  }
}

/** A closed journal of a user who is there is no reason to send a message back (a restore closes it, then goes on). */
function stillThere(cause: MailError): MailError {
  return new MailError('unavailable', 'The mailbox is not available at the moment, please try again', {
    cause,
    retryAfterMs: 5000,
  });
}

type Delivered = Extract<DeliveryOutcome, { kind: 'delivered' }>;

async function storeAndCommit(
  parts: DeliverMessageParts,
  ingested: IngestedMessage,
  envelope: DeliveryEnvelope,
  recipient: Recipient,
): Promise<Delivered> {
  const { clock, mailboxes, messages } = parts;
  const { account } = recipient;
  // The message document keeps the journal position it was written at; only a loaded account knows its own.
  if (mailboxes.knownQ(account) === 0) await mailboxes.usage(account);
  const now = clock.now();
  const stored = await messages.store(account, ingested, {
    origin: { kind: 'delivery', recipient: recipient.deliveryAddress },
    prefix: traceFields({ ...envelope, recipient: recipient.address, hostname: parts.hostname, at: now }),
    q: mailboxes.knownQ(account),
    now,
  });
  const deadline = clock.monotonic() + parts.settings.commitTimeout;
  const result = await mailboxes.deliver(account, appendOf(stored, now), { deadline });
  const uid = result.uids[0];
  if (uid === undefined) throw new Error('a delivery has a UID');
  return {
    kind: 'delivered',
    recipient,
    mailbox: result.mailbox,
    uidValidity: result.uidValidity,
    uid,
    messageId: stored.messageId,
    size: stored.size,
    isRepeat: stored.existedSinceQ !== undefined,
  };
}

function appendOf(stored: StoredMessage, now: number): Parameters<Mailboxes['deliver']>[1] {
  return {
    message: {
      messageId: stored.messageId,
      size: stored.size,
      crlfSize: stored.crlfSize,
      flags: { system: 0, keywords: [] },
      internalDate: { at: now, zoneMinutes: 0 },
      sentDate: stored.sentAt,
      thread: stored.thread,
    },
    mailboxPath: 'INBOX',
    existedSinceQ: stored.existedSinceQ,
  };
}
