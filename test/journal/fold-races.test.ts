import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Binary } from 'mongodb';
import { openJournalStore } from '../../lib/journal/index.ts';
import { AccountLog } from '../../lib/journal/account-log.ts';
import type { JournalStore } from '../../lib/journal/journal-store.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import {
  createAccount,
  EVERYTHING,
  mailboxId,
  newMessage,
  openMailbox,
  segmentsOf,
  showMailbox,
  useDatabase,
} from './journal-node.ts';

const setup = useDatabase();
const { node } = setup;

describe('a fold beside others, and cut off', () => {
  it('a reader that finds segments gone reads the checkpoint again', async () => {
    const one = node();
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    await one.append(account, inbox.id, [newMessage(), newMessage()]);
    await one.fold(account);
    const reader = node();
    await reader.list(account);
    await inbox.storeFlags(EVERYTHING, { mode: 'add', flags: { system: 4, keywords: [] } });
    await one.fold(account);
    await inbox.storeFlags(EVERYTHING, { mode: 'add', flags: { system: 1, keywords: [] } });
    const late = await openMailbox(reader, account);
    assert.deepEqual(showMailbox(late), showMailbox(inbox));
  });

  it('a command of a node that is behind the checkpoint catches up first', async () => {
    const one = node();
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    await one.append(account, inbox.id, [newMessage(), newMessage()]);
    await one.fold(account);
    const behind = node();
    await behind.list(account);
    await inbox.storeFlags(EVERYTHING, { mode: 'add', flags: { system: 4, keywords: [] } });
    await one.fold(account);
    await behind.rename(account, 'INBOX', 'old');
    assert.deepEqual(
      [...(await openMailbox(one, account, 'old')).rows(EVERYTHING)].map(({ flags }) => flags.system),
      [4, 4],
    );
  });

  it('two nodes fold at once: one wins, nothing is lost, nothing is left over', async () => {
    const journals = [node(), node()];
    const [one, two] = journals;
    assert.ok(one && two);
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    for (let round = 0; round < 5; round += 1) {
      await one.append(account, inbox.id, [newMessage()]);
      await two.list(account);
      await Promise.all(journals.map((journal) => journal.fold(account)));
    }
    assert.deepEqual(await one.check(account), []);
    assert.equal(await segmentsOf(setup.database, account), 1);
    assert.deepEqual(showMailbox(await openMailbox(node(), account)), showMailbox(inbox));
  });

  const cuts: readonly (keyof JournalStore)[] = ['writeSegments', 'replaceCheckpoint', 'removeSegments'];
  for (const step of cuts) {
    for (const isApplied of [false, true]) {
      it(`cut at ${step}, ${isApplied ? 'after' : 'before'} it applied: garbage at most, never damage`, async () => {
        const real = openJournalStore(setup.database);
        const cut = async (...given: never[]): Promise<never> => {
          if (isApplied) await (real[step] as (...rest: never[]) => Promise<unknown>)(...given);
          throw new Error('cut');
        };
        const one = node();
        const account = await createAccount(one);
        const inbox = await openMailbox(one, account);
        await one.append(account, inbox.id, [newMessage(), newMessage()]);
        await one.fold(account);
        await inbox.storeFlags(EVERYTHING, { mode: 'add', flags: { system: 8, keywords: ['k'] } });
        const broken = node({ store: { ...real, [step]: cut } });
        await broken.list(account);
        await assert.rejects(broken.fold(account));
        assert.deepEqual(await one.check(account), []);
        const still = await openMailbox(broken, account);
        assert.deepEqual(showMailbox(still), showMailbox(inbox));
        assert.deepEqual(showMailbox(await openMailbox(node(), account)), showMailbox(inbox));
        await broken.append(account, inbox.id, [newMessage()]);
        await one.list(account);
        await one.fold(account);
        assert.deepEqual(showMailbox(await openMailbox(node(), account)), showMailbox(inbox));
      });
    }
  }

  it('a checkpoint written twice, as by a driver that tries again, keeps its segments', async () => {
    const real = openJournalStore(setup.database);
    const replaceCheckpoint: JournalStore['replaceCheckpoint'] = async (...given) => {
      await real.replaceCheckpoint(...given);
      return real.replaceCheckpoint(...given);
    };
    const one = node({ store: { ...real, replaceCheckpoint } });
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    for (let round = 0; round < 3; round += 1) {
      await one.append(account, inbox.id, [newMessage()]);
      await one.fold(account);
      assert.deepEqual(await one.check(account), []);
      assert.deepEqual(showMailbox(await openMailbox(node(), account)), showMailbox(inbox));
      assert.equal(await segmentsOf(setup.database, account), 1);
    }
  });

  it('a checkpoint that is read late takes nobody back to what was written down before', async () => {
    const real = openJournalStore(setup.database);
    let isHeld = false;
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const store: JournalStore = {
      ...real,
      readCheckpoint: async (account) => {
        const checkpoint = await real.readCheckpoint(account);
        if (isHeld) await released;
        return checkpoint;
      },
    };
    const one = node();
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    await one.append(account, inbox.id, [newMessage()]);
    await one.fold(account);
    const log = await AccountLog.open(account, store, { clock: systemClock });
    isHeld = true;
    const late = log.rereadCheckpoint();
    await one.append(account, inbox.id, [newMessage()]);
    await one.fold(account);
    await log.refresh();
    const newer = await real.readCheckpoint(account);
    assert.ok(newer !== undefined);
    log.useCheckpoint(newer);
    release();
    await late;
    assert.equal(log.checkpoint, newer);
  });

  it('a fold that is not told of its success takes nothing away from who went on from it', async () => {
    const real = openJournalStore(setup.database);
    const another = node();
    const store: JournalStore = {
      ...real,
      replaceCheckpoint: async (...parameters) => {
        const [account] = parameters;
        assert.ok(await real.replaceCheckpoint(...parameters));
        await another.append(account, await mailboxId(another, account, 'Sent'), [newMessage()]);
        await another.fold(account);
        return false;
      },
    };
    const one = node({ store });
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    await one.append(account, inbox.id, [newMessage()]);
    await one.fold(account);
    assert.deepEqual(await one.check(account), []);
    assert.equal((await openMailbox(node(), account)).uids().length, 1);
  });

  it('a checkpoint of a later version makes the account unavailable', async () => {
    const one = node();
    const account = await createAccount(one);
    await one.fold(account);
    const key = new Binary(Buffer.concat([Buffer.from(account, 'hex'), Buffer.of(1)]));
    await setup.database.collection('checkpoints').updateOne({ _id: key }, { $set: { v: 2 } });
    await assert.rejects(node().list(account), { code: 'unavailable' });
  });

  it('a gap in the journal is never applied across', async () => {
    const one = node();
    const account = await createAccount(one);
    const inbox = await mailboxId(one, account, 'INBOX');
    const other = node();
    await other.list(account);
    for (let count = 0; count < 3; count += 1) await one.append(account, inbox, [newMessage()]);
    const key = Buffer.concat([Buffer.from(account, 'hex'), Buffer.of(0, 0, 0, 0, 0, 3)]);
    await setup.database.collection('journal').deleteOne({ _id: new Binary(key) as never });
    await assert.rejects(other.list(account), { code: 'unavailable' });
    assert.equal(other.knownQ(account), 2);
    await assert.rejects(other.append(account, inbox, [newMessage()]), { code: 'unavailable' });
    await assert.rejects(node().append(account, inbox, [newMessage()]), { code: 'unavailable' });
    assert.equal((await openJournalStore(setup.database).readAfter(account, 2, 1)).beyond, 4);
  });
});
