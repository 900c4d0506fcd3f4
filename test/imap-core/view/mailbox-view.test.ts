import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MailboxView } from '../../../imap-core/view/mailbox-view.ts';
import { SyntaxFault } from '../../../imap-core/wire/faults.ts';
import { MemoryBackend } from '../../support/imap-memory-session/index.ts';
import type { MemoryAccount } from '../../support/imap-memory-session/index.ts';

interface Scene {
  readonly account: MemoryAccount;
  readonly view: MailboxView;
  readonly deletions: string[];
  readonly append: (count: number) => void;
  readonly expunge: (...uids: readonly number[]) => void;
  readonly flag: (...uids: readonly number[]) => void;
}

async function setScene(messages: number): Promise<Scene> {
  const backend = new MemoryBackend();
  const account = backend.addAccount('alice', 'secret');
  const mailbox = account.existing('INBOX');
  const row = {
    messageId: 'm',
    flags: { system: 0, keywords: [] },
    size: 1,
    internalDate: { at: 0, zoneMinutes: 0 },
    sentDate: undefined,
  };
  const append = (count: number): void => {
    mailbox.append(Array.from({ length: count }, () => row));
  };
  append(messages);
  const session = await backend.authenticate('alice', 'secret');
  const deletions: string[] = [];
  const view = new MailboxView(await session.open('INBOX', false), false, () => deletions.push('deleted'));
  const ranges = (uids: readonly number[]): { from: number; to: number }[] =>
    uids.map((uid) => ({ from: uid, to: uid }));
  return {
    account,
    view,
    deletions,
    append,
    expunge: (...uids) => {
      mailbox.expunge(ranges(uids), true);
    },
    flag: (...uids) => {
      mailbox.storeFlags(ranges(uids), { mode: 'add', flags: { system: 4, keywords: [] } }, Infinity);
    },
  };
}

const NOTHING = { expunged: [], exists: undefined, recent: undefined, flagsChanged: [] };

describe('mailbox view', () => {
  it('keeps its numbers until it is told', async () => {
    const { view, append, expunge } = await setScene(5);
    expunge(2, 4);
    append(1);
    assert.equal(view.count, 5);
    assert.equal(view.uidAt(3), 4);
    assert.equal(view.rowAt(3)?.uid, 4);
    assert.equal(view.isGhost(3), true);
    assert.equal(view.isGhost(2), false);
    assert.deepEqual(view.takeUpdates(true), { expunged: [4, 2], exists: 4, recent: 4, flagsChanged: [] });
    assert.deepEqual(
      [0, 1, 2, 3].map((position) => view.uidAt(position)),
      [1, 3, 5, 6],
    );
    assert.equal(view.rowAt(3)?.uid, 6);
    assert.deepEqual(view.takeUpdates(true), NOTHING);
  });

  it('takes in what is new while expunges wait, in its place', async () => {
    const { view, append, expunge } = await setScene(3);
    expunge(3);
    append(2);
    assert.deepEqual(view.takeUpdates(false), { expunged: [], exists: 5, recent: 5, flagsChanged: [] });
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((position) => view.uidAt(position)),
      [1, 2, 3, 4, 5],
    );
    expunge(4);
    append(1);
    assert.deepEqual(view.takeUpdates(false).exists, 6);
    assert.deepEqual(view.takeUpdates(true), {
      expunged: [4, 3],
      exists: undefined,
      recent: undefined,
      flagsChanged: [],
    });
    assert.equal(view.count, 4);
  });

  it('never mentions what came and went unseen', async () => {
    const { view, append, expunge } = await setScene(1);
    append(1);
    expunge(2);
    assert.deepEqual(view.takeUpdates(true), NOTHING);
  });

  it('tells changed flags once, and of no message that is gone', async () => {
    const { view, append, expunge, flag } = await setScene(3);
    flag(3, 1);
    flag(1);
    append(1);
    flag(4);
    expunge(3);
    // The ghost's position is in between; whoever tells passes it over.
    assert.deepEqual(view.takeUpdates(false).flagsChanged, [
      { from: 0, to: 0 },
      { from: 2, to: 3 },
    ]);
    flag(2);
    view.settleFlags([{ from: 2, to: 2 }]);
    assert.deepEqual(view.takeUpdates(true).flagsChanged, []);
  });

  it('resolves sequence numbers and UIDs', async () => {
    const { view, expunge } = await setScene(6);
    expunge(2, 3);
    view.takeUpdates(true);
    // Left: 1 4 5 6.
    const one = (from: number, to = from): readonly { readonly from: number; readonly to: number }[] => [{ from, to }];
    assert.deepEqual(view.resolve(one(2, 3), false), one(1, 2));
    assert.deepEqual(view.resolve(one(1, Infinity), false), one(0, 3));
    assert.deepEqual(view.resolve(one(2, 4), true), one(1));
    assert.deepEqual(view.resolve(one(2, 3), true), []);
    assert.deepEqual(view.resolve(one(5, 4_294_967_295), true), one(2, 3));
    assert.deepEqual(view.resolve(one(99, Infinity), true), one(3));
    assert.deepEqual(view.uidRanges(one(0, 2)), [{ from: 1, to: 5 }]);
    assert.throws(() => view.resolve(one(5), false), SyntaxFault);
    assert.throws(() => view.resolve(one(3, 5), false), SyntaxFault);
  });

  it('is content with * in an empty mailbox', async () => {
    const { view } = await setScene(0);
    assert.deepEqual(view.resolve([{ from: 1, to: Infinity }], false), []);
    assert.deepEqual(view.resolve([{ from: 1, to: Infinity }], true), []);
    assert.throws(() => view.resolve([{ from: 1, to: 1 }], false), SyntaxFault);
  });

  it('serves columns of the living and of the gone', async () => {
    const { view, append, expunge } = await setScene(4);
    expunge(1, 3);
    append(1);
    const seen: (readonly [number, number])[] = [];
    view.eachColumn(0, 3, (columns, at, position) => seen.push([position, columns.uid(at)]));
    assert.deepEqual(seen, [
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ]);
    assert.equal(view.hasGhost([{ from: 1, to: 2 }]), true);
    assert.equal(view.hasGhost([{ from: 1, to: 1 }]), false);
  });

  it('stays through a renaming, and says when the mailbox goes', async () => {
    const { account, view, deletions, append } = await setScene(1);
    account.create('Other');
    let wakes = 0;
    const stop = view.watch(() => {
      wakes += 1;
    });
    append(1);
    assert.equal(wakes, 1);
    stop();
    append(1);
    assert.equal(wakes, 1);
    account.existing('INBOX').rename('Elsewhere');
    assert.deepEqual(deletions, []);
    account.existing('INBOX').deleted();
    assert.deepEqual(deletions, ['deleted']);
  });
});
