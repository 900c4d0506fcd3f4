import { rm } from 'node:fs/promises';
import { createAttachments, type AttachmentsRoom } from '../../lib/attachments/index.ts';
import { openDatabase, type Database, type DatabaseOptions } from '../../lib/db/index.ts';
import { createDelivery, deliverySection, type Delivery, type DeliveryOutcome } from '../../lib/delivery/index.ts';
import { imapRenderer } from '../../lib/frontends/imap/index.ts';
import { createLocalHints, createMailboxes, journalSection, type Journal } from '../../lib/journal/index.ts';
import { systemClock as clock } from '../../lib/kernel/clock.ts';
import { newUserId, type AccountId } from '../../lib/kernel/ids.ts';
import { silentLogger as logger } from '../../lib/kernel/logger.ts';
import { defaultsOf } from '../../lib/kernel/section.ts';
import { createMessages, createSweep, type MessagesRoom, type Sweep } from '../../lib/messages/index.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';

/** What one process has of the way that mail takes, on a cluster; nothing is in memory when it opens. */
export interface Node {
  readonly mailboxes: Journal;
  readonly messages: MessagesRoom;
  readonly attachments: AttachmentsRoom;
  readonly delivery: Delivery;
  readonly sweep: Sweep;
  close(): Promise<void>;
}

/** Deadlines short enough that a test can wait for all of them. */
export function openClusterDatabase(uri: string, options: Partial<DatabaseOptions> = {}): Promise<Database> {
  const quick = `${uri}&minHeartbeatFrequencyMS=20`;
  return openDatabase({ uri: quick, name: 'eider', answerMs: 500, serverSelectionMs: 2000, ...options });
}

export async function openNode(database: Database): Promise<Node> {
  const spoolDir = await temporaryDirectory('node');
  const attachments = createAttachments({ database, clock });
  const messages = createMessages({ database, attachments, clock, logger, renderer: imapRenderer, spoolDir });
  const mailboxes = createMailboxes({
    database,
    clock,
    logger,
    hints: createLocalHints(),
    settings: { ...defaultsOf(journalSection), commitTimeout: 4000 },
    renew: (account, ids) => messages.renew(account, ids),
  });
  const delivery = createDelivery({
    mailboxes,
    messages,
    clock,
    logger,
    settings: { ...defaultsOf(deliverySection), commitTimeout: 4000 },
    hostname: 'mail.example.com',
    ...nobody,
  });
  const sweep = createSweep({
    database,
    attachments,
    clock,
    logger,
    references: {
      isReferenced: (account, ids, goneSince) => mailboxes.isLive(account, ids, goneSince),
      announce: async (account, ids, goneSince) => {
        const allowed = new Set(await mailboxes.sweep(account, ids, goneSince));
        return ids.map((id) => allowed.has(id));
      },
    },
  });
  return {
    ...{ mailboxes, messages, attachments, delivery, sweep },
    close: async () => {
      await mailboxes.close();
      await rm(spoolDir, { recursive: true, force: true });
    },
  };
}

/** Recipients are made by hand here: whose an address is, is another room's matter. */
const nobody = {
  addresses: { get: async () => undefined, findByView: async () => undefined },
  accounts: { get: async () => undefined },
} as unknown as Pick<Parameters<typeof createDelivery>[0], 'addresses' | 'accounts'>;

/** Delivers as LMTP does, to one account. */
export async function deliver(node: Node, account: AccountId, octets: Buffer): Promise<DeliveryOutcome> {
  const ingested = await node.messages.ingest(oneChunk(octets), { maxOctets: 1 << 26 });
  try {
    const recipient = { address: 'b@example.com', deliveryAddress: 'b@example.com', user: newUserId(), account };
    const envelope = {
      reversePath: '',
      helo: 'c.example',
      remoteAddress: '127.0.0.1',
      protocol: 'LMTP',
      id: 'x',
    } as const;
    const [outcome] = await node.delivery.deliver(ingested, { ...envelope, recipients: [recipient] });
    if (outcome === undefined) throw new Error('no outcome');
    return outcome;
  } finally {
    await ingested.dispose();
  }
}

/** Appends as IMAP's APPEND does. @throws MailError */
export async function append(node: Node, account: AccountId, path: string, octets: Buffer): Promise<void> {
  const ingested = await node.messages.ingest(oneChunk(octets), { maxOctets: 1 << 26 });
  try {
    const now = clock.now();
    const options = {
      origin: { kind: 'append' },
      prefix: Buffer.alloc(0),
      q: node.mailboxes.knownQ(account),
      now,
    } as const;
    const { messageId, size, crlfSize, sentAt, thread } = await node.messages.store(account, ingested, options);
    const flags = { system: 0, keywords: [] };
    const internalDate = { at: now, zoneMinutes: 0 };
    await node.mailboxes.append(account, { path }, [
      { ...{ messageId, size, crlfSize, thread, flags, internalDate }, sentDate: sentAt },
    ]);
  } finally {
    await ingested.dispose();
  }
}

async function* oneChunk(octets: Buffer): AsyncGenerator<Buffer> {
  yield octets;
}
