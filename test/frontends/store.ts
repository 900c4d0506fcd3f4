import { createAuth, createMemoryLoginLimiter, type Auth } from '../../lib/auth/index.ts';
import type { User } from '../../lib/accounts/index.ts';
import type { DatabaseOptions } from '../../lib/db/index.ts';
import {
  createDelivery,
  deliverySection,
  type Delivery,
  type DeliveryOutcome,
  type Recipient,
} from '../../lib/delivery/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { defaultsOf } from '../../lib/kernel/section.ts';
import { openRooms, type Rooms } from '../accounts/rooms.ts';

export const PASSWORD = 'correct horse';

/** The rooms behind the front ends, on a database of their own. */
export interface Store {
  readonly rooms: Rooms;
  readonly auth: Auth;
  readonly delivery: Delivery;
  /** A user of that name with an address of the same name at example.com. */
  createUser(name: string, quotaOctets?: number): Promise<User>;
  /** Delivers octets as LMTP would; one outcome per address. */
  deliver(octets: Buffer, ...addresses: readonly string[]): Promise<readonly DeliveryOutcome[]>;
  close(): Promise<void>;
}

export async function openStore(options: Partial<DatabaseOptions> = {}): Promise<Store> {
  const rooms = await openRooms(options);
  const { accounts, clock, mailboxes, messages } = rooms;
  // Failures are slowed down elsewhere; here nobody waits.
  const limits = { failureWindow: 60_000, failuresPerLogin: 1000, failuresPerRemote: 1000, failuresPerUser: 1000 };
  const auth = createAuth({ accounts, limiter: createMemoryLoginLimiter({ limits, clock, slowMs: 0 }), clock });
  const delivery = createDelivery({
    ...{ mailboxes, messages, addresses: rooms.addresses, accounts, clock },
    logger: silentLogger,
    settings: defaultsOf(deliverySection),
    hostname: 'mail.example.com',
  });
  return {
    rooms,
    auth,
    delivery,
    createUser: (name, quotaOctets) =>
      accounts.create({
        username: name,
        password: PASSWORD,
        address: `${name}@example.com`,
        ...(quotaOctets === undefined ? {} : { quotaOctets }),
      }),
    deliver: async (octets, ...addresses) => {
      const recipients: Recipient[] = [];
      for (const address of addresses) recipients.push(await delivery.resolveRecipient(address));
      const ingested = await messages.ingest(inTwo(octets), { maxOctets: 1 << 30 });
      try {
        return await delivery.deliver(ingested, {
          reversePath: 'sender@example.org',
          recipients,
          helo: 'client.example',
          remoteAddress: '127.0.0.1',
          protocol: 'LMTP',
          id: 'test',
        });
      } finally {
        await ingested.dispose();
      }
    },
    close: () => rooms.close(),
  };
}

async function* inTwo(octets: Buffer): AsyncGenerator<Buffer> {
  const half = octets.length >> 1;
  if (half > 0) yield octets.subarray(0, half);
  if (half < octets.length) yield octets.subarray(half);
}
