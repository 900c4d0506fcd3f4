import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openDatabase, type Database } from '../../lib/db/index.ts';
import { attachEmbedded, type AttachedEngine } from '../../lib/embedded/index.ts';
import { MailError } from '../../lib/kernel/errors.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { newAccountId } from '../../lib/kernel/ids.ts';
import { ReplicaSet } from '../support/cluster/replica-set.ts';
import { openStore, PASSWORD, type Store } from '../frontends/store.ts';
import { enginePids } from '../embedded/engine-pids.ts';
import { makeDataDir } from '../support/server-process.ts';

/** Short enough that a test can wait for both tries of the driver. */
const LIMITS = { answerMs: 500, serverSelectionMs: 700 };
/** Two tries, each with a search for a server before it, and what an overloaded machine adds. */
const PATIENCE_MS = 8000;

const message = Buffer.from('Subject: x\r\n\r\nHello\r\n');

/** What a database that says nothing must look like from every room: trouble for now, in time, and nothing else. */
async function everythingIsUnavailable(store: Store): Promise<void> {
  const { rooms, auth, delivery } = store;
  const stranger = newAccountId();
  const attempt = { username: 'frozen', password: PASSWORD, remoteAddress: '127.0.0.1', protocol: 'IMAP' } as const;
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    'log-in': () => auth.login({ ...attempt, scope: 'imap' }),
    'user by name': () => rooms.accounts.findByUsername('frozen'),
    users: () => rooms.accounts.list({ limit: 5 }),
    address: () => rooms.addresses.get('frozen@example.com'),
    recipient: () => delivery.resolveRecipient('never-asked@example.com'),
    mailboxes: () => rooms.mailboxes.list(stranger),
    usage: () => rooms.mailboxes.usage(stranger),
    'message data': () => rooms.messages.open(stranger, '0'.repeat(32) as never),
    digests: async () => {
      for await (const digest of rooms.messages.digests(stranger, ['0'.repeat(32) as never]))
        assert.fail(digest?.preview);
    },
    deliver: async () => {
      const [outcome] = await store.deliver(message, 'frozen@example.com');
      if (outcome?.kind === 'failed') throw outcome.error;
    },
    'new user': () => store.createUser('another'),
  };
  const begun = performance.now();
  await Promise.all(
    Object.entries(calls).map(async ([name, call]) => {
      await assert.rejects(call(), (error: unknown) => {
        assert.ok(error instanceof MailError, `${name}: ${String(error)}`);
        assert.ok(['unavailable', 'outcome-unknown'].includes(error.code), `${name}: ${error.code}`);
        return true;
      });
    }),
  );
  assert.ok(performance.now() - begun < PATIENCE_MS, `${String(performance.now() - begun)} ms`);
}

async function everythingWorks(store: Store, name: string): Promise<void> {
  const user = (await store.rooms.accounts.findByUsername('frozen')) ?? assert.fail('the user is gone');
  const [outcome] = await store.deliver(Buffer.from(`Subject: ${name}\r\n\r\n`), user.address);
  assert.equal(outcome?.kind, 'delivered');
}

describe(
  'a database that is frozen',
  { skip: process.platform === 'linux' ? false : 'stops processes by signals', timeout: 60_000 },
  () => {
    let data: Awaited<ReturnType<typeof makeDataDir>>;
    let engine: AttachedEngine;
    let store: Store;
    let pids: number[];

    before(async () => {
      data = await makeDataDir();
      engine = await attachEmbedded({ dataDir: data.path, logger: silentLogger });
      store = await openStore({ uri: engine.uri, ...LIMITS });
      await store.createUser('frozen');
      pids = await enginePids(data.path);
      assert.equal(pids.length, 1);
    });
    after(async () => {
      for (const pid of pids) process.kill(pid, 'SIGCONT');
      await store.close();
      await engine.close();
      await data.remove();
    });

    it('is trouble for now in every room, in time, and serves again when it goes on', async () => {
      await everythingWorks(store, 'before');
      for (const pid of pids) process.kill(pid, 'SIGSTOP');
      await everythingIsUnavailable(store);
      for (const pid of pids) process.kill(pid, 'SIGCONT');
      await everythingWorks(store, 'after');
    });
  },
);

describe('a network that swallows everything', { timeout: 60_000 }, () => {
  let set: ReplicaSet;
  let store: Store;

  before(async () => {
    set = await ReplicaSet.start();
    store = await openStore({ uri: set.uri, ...LIMITS });
    await store.createUser('frozen');
  });
  after(async () => {
    set.onCommand = () => undefined;
    await store.close();
    await set.close();
  });

  it('is trouble for now in every room, in time, and is forgotten when it is over', async () => {
    set.onCommand = () => ({ kind: 'silence', at: 'before' });
    await everythingIsUnavailable(store);
    set.onCommand = () => undefined;
    await everythingWorks(store, 'after');
  });
});

describe('a server that is slow', () => {
  let set: ReplicaSet;
  let database: Database;

  before(async () => {
    set = await ReplicaSet.start();
    database = await openDatabase({ uri: set.uri, name: 'slow', ...LIMITS });
  });
  after(async () => {
    await set.resumeReplication();
    await database.close();
    await set.close();
  });

  it('says itself that replication takes too long, before its connection is given up', async () => {
    const rows = database.collection<{ _id: string }>('rows');
    await rows.insertOne({ _id: 'a' });
    set.stallReplication();
    await assert.rejects(rows.insertOne({ _id: 'b' }), { name: 'MongoWriteConcernError', code: 64 });
  });
});
