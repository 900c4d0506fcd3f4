import { loadConfiguration } from '../../lib/config/index.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import type { AccountId } from '../../lib/kernel/ids.ts';
import { createLifecycle, type Lifecycle } from '../../lib/kernel/lifecycle.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import type { Delivery, NewMessage } from '../../lib/journal/index.ts';
import { openStore, type Store } from '../../workers/compose.ts';
import { sections } from '../../workers/sections.ts';
import { databaseVariables } from './given-database.ts';
import { makeDataDir } from './server-process.ts';

/** The rooms as a command opens them, in the test's process, on a data directory of their own. */
export interface OpenedStore {
  readonly dataDir: string;
  /** Another one after each `reopen`. */
  readonly store: Store;
  /** Closes it and opens it anew, as by another process, which knows nothing of what was there. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

export async function openStoreOnDisk(): Promise<OpenedStore> {
  const data = await makeDataDir();
  const open = async (): Promise<{ readonly store: Store; readonly lifecycle: Lifecycle }> => {
    const configuration = loadConfiguration(sections, { environment: databaseVariables(data.path) });
    const lifecycle = createLifecycle(silentLogger, systemClock);
    const surroundings = { configuration, dataDir: data.path, logger: silentLogger, clock: systemClock, lifecycle };
    return { store: await openStore(surroundings), lifecycle };
  };
  let opened = await open();
  return {
    dataDir: data.path,
    get store() {
      return opened.store;
    },
    reopen: async () => {
      await opened.lifecycle.stop(5000);
      opened = await open();
    },
    close: async () => {
      await opened.lifecycle.stop(5000);
      await data.remove();
    },
  };
}

/** Stores the text as message data; nothing in the journal names it yet. */
export async function storeText(
  { messages, mailboxes }: Pick<Store, 'messages' | 'mailboxes'>,
  account: AccountId,
  text: string,
  origin: Parameters<Store['messages']['store']>[2]['origin'] = { kind: 'append' },
): Promise<{ readonly message: NewMessage } & Pick<Delivery, 'existedSinceQ'>> {
  const now = systemClock.now();
  const ingested = await messages.ingest(octetsOf(text), { maxOctets: 100_000 });
  const place = { origin, prefix: Buffer.alloc(0), q: mailboxes.knownQ(account), now };
  const {
    messageId,
    size,
    crlfSize,
    sentAt: sentDate,
    thread,
    existedSinceQ,
  } = await messages.store(account, ingested, place);
  await ingested.dispose();
  const flags = { system: 0, keywords: [] };
  const internalDate = { at: now, zoneMinutes: 0 };
  return { message: { messageId, size, crlfSize, sentDate, thread, flags, internalDate }, existedSinceQ };
}

async function* octetsOf(text: string): AsyncIterable<Buffer> {
  yield Buffer.from(text);
}
