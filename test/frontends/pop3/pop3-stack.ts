import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { createSecureContext } from 'node:tls';
import { createSelfSignedCertificate } from '../../../lib/certificates/index.ts';
import { silentLogger } from '../../../lib/kernel/logger.ts';
import { defaultsOf } from '../../../lib/kernel/section.ts';
import {
  createPop3Server,
  pop3Section,
  type Pop3Server,
  type Pop3ServerParts,
  type Pop3Settings,
} from '../../../lib/frontends/pop3/index.ts';
import { openStore, type Store } from '../store.ts';

const now = Date.now();
const pair = createSelfSignedCertificate({ names: ['localhost'], notBefore: now, notAfter: now + 3_600_000 });
const context = createSecureContext({ key: pair.privateKey, cert: pair.certificate });
const HOST = '127.0.0.1';

export const SIMPLE = 'Subject: simple\r\n\r\ntext\r\n';
export const DOTS = 'Subject: dots\n\n.\n..\r\nbare\nlast';
export const LARGE = `Subject: large\r\n\r\n${`${'.'.repeat(70)}\n`.repeat(40_000)}`;

/** Where a server listens. */
export interface Running {
  readonly server: Pop3Server;
  readonly at: { readonly host: string; readonly port: number };
  readonly tls: { readonly host: string; readonly port: number; readonly isTls: true };
}

/** What tests of one file share: a store, a server on it, and further ones with settings or parts of their own. */
export interface Pop3Stack {
  readonly store: () => Store;
  /** The server that all tests share. */
  readonly on: () => Running;
  readonly start: (settings?: Partial<Pop3Settings>, parts?: Partial<Pop3ServerParts>) => Promise<Running>;
  readonly withServer: (
    settings: Partial<Pop3Settings>,
    run: (running: Running) => Promise<void>,
    parts?: Partial<Pop3ServerParts>,
  ) => Promise<void>;
  /** A user with messages in INBOX, stored without trace fields so that a test knows their octets. */
  readonly createUser: (...messages: readonly string[]) => Promise<string>;
}

/** Opens them before the tests of a file, or of a describe, and closes them after. */
export function usePop3(): Pop3Stack {
  let store: Store;
  let running: Running;
  let users = 0;

  async function start(settings: Partial<Pop3Settings> = {}, parts: Partial<Pop3ServerParts> = {}): Promise<Running> {
    const { mailboxes, messages, clock } = store.rooms;
    const server = createPop3Server({
      ...{ auth: store.auth, mailboxes, messages, clock },
      logger: silentLogger,
      settings: { ...defaultsOf(pop3Section), ...settings },
      secureContext: () => context,
      ...parts,
    });
    const { port } = await server.listen({ host: HOST, port: 0 });
    const secure = await server.listen({ host: HOST, port: 0, implicitTls: true });
    return { server, at: { host: HOST, port }, tls: { host: HOST, port: secure.port, isTls: true } };
  }

  async function withServer(
    settings: Partial<Pop3Settings>,
    run: (running: Running) => Promise<void>,
    parts: Partial<Pop3ServerParts> = {},
  ): Promise<void> {
    const own = await start(settings, parts);
    try {
      await run(own);
    } finally {
      await own.server.close(0);
    }
  }

  async function createUser(...messages: readonly string[]): Promise<string> {
    users += 1;
    const name = `user${String(users)}`;
    const user = await store.createUser(name);
    const { mailboxes, messages: data, clock } = store.rooms;
    const inbox = await mailboxes.find(user.account, 'INBOX');
    assert.ok(inbox);
    for (const message of messages) {
      const ingested = await data.ingest(oneChunk(message), { maxOctets: 1 << 30 });
      const stored = await data.store(user.account, ingested, {
        ...{ origin: { kind: 'append' }, prefix: Buffer.alloc(0), q: mailboxes.knownQ(user.account), now: clock.now() },
      });
      await ingested.dispose();
      const internalDate = { at: clock.now(), zoneMinutes: 0 };
      const flags = { system: 0, keywords: [] };
      await mailboxes.append(user.account, inbox.id, [{ ...stored, flags, internalDate, sentDate: stored.sentAt }]);
    }
    return name;
  }

  before(async () => {
    store = await openStore();
    running = await start();
  });
  after(async () => {
    await running.server.close(0);
    await store.close();
  });
  return { store: () => store, on: () => running, start, withServer, createUser };
}

async function* oneChunk(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text, 'latin1');
}
