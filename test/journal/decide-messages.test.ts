import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AccountState } from '../../lib/journal/account-state.ts';
import {
  createAccountCommand,
  closeAccountCommand,
  setQuotaCommand,
  sweepCommand,
} from '../../lib/journal/decide-account.ts';
import { createCommand, removeCommand, renameCommand, subscribeCommand } from '../../lib/journal/decide-mailboxes.ts';
import {
  appendCommand,
  copyCommand,
  deliverCommand,
  expungeCommand,
  storeFlagsCommand,
} from '../../lib/journal/decide-messages.ts';
import type { Command } from '../../lib/journal/decision.ts';
import type { FlagChange } from '../../lib/journal/index.ts';
import { newAccountId, type MailboxId } from '../../lib/kernel/ids.ts';
import { rangesOf } from '../../lib/journal/uid-set.ts';
import { Account, account, expectOutcome, SECONDS } from './decided-account.ts';
import { EVERYTHING, messageIdOf, newMessage } from './journal-node.ts';

describe('decide: messages', () => {
  it('append gives UIDs in order, flags, counters and usage', () => {
    const made = account();
    const result = made.run(
      appendCommand(made.id('INBOX'), [
        newMessage({ flags: { system: 1, keywords: ['x', 'x', 'X'] } }),
        newMessage({ flags: { system: 8, keywords: [] }, size: 50 }),
      ]),
    );
    assert.deepEqual([result.uids, result.uidValidity, result.modseq], [[1, 2], SECONDS, 2]);
    assert.equal(made.show('INBOX'), '1:1,x@2 2:8@2');
    const { messages, unseen, deleted, octets, uidNext, highestModSeq } = made.state.byPath('INBOX') ?? {};
    assert.deepEqual([messages, unseen, deleted, octets, uidNext, highestModSeq], [2, 1, 1, 150, 3, 2]);
    assert.deepEqual([made.state.octets, made.state.messages], [150, 2]);
  });

  it('append to nowhere, to a name without a mailbox, or of nothing', () => {
    const made = account('a/b');
    made.run(removeCommand('a'));
    for (const id of ['f'.repeat(24) as MailboxId, made.id('a')]) {
      assert.throws(() => made.run(appendCommand(id, [newMessage()])), { code: 'mailbox-not-found' });
    }
    assert.equal(made.decide(appendCommand(made.id('INBOX'), [])).changes.length, 0);
  });

  it('quota to the octet: one less, exact, one more', () => {
    const made = new Account(300);
    made.fill('INBOX', 2);
    made.run(appendCommand(made.id('INBOX'), [newMessage({ size: 99 })]));
    made.run(appendCommand(made.id('INBOX'), [newMessage({ size: 1 })]));
    const inbox = made.id('INBOX');
    assert.throws(() => made.run(appendCommand(inbox, [newMessage({ size: 1 })])), { code: 'over-quota' });
    assert.throws(() => made.run(deliverCommand(newMessage({ size: 1 }), 'INBOX')), { code: 'over-quota' });
    assert.throws(() => made.run(copyCommand(inbox, EVERYTHING, inbox, false)), { code: 'over-quota' });
    made.run(createCommand('Archive', {}));
    made.run(copyCommand(inbox, EVERYTHING, made.id('Archive'), true));
    made.run(setQuotaCommand(301));
    made.run(appendCommand(inbox, [newMessage({ size: 1 })]));
    made.run(setQuotaCommand(5));
    made.run(copyCommand(made.id('Archive'), EVERYTHING, inbox, true));
    assert.equal(made.state.octets, 301);
    made.run(setQuotaCommand(0));
    made.fill('INBOX', 50);
    assert.throws(() => made.run(setQuotaCommand(-1)), { code: 'invalid-input' });
  });

  const stores: readonly [
    name: string,
    before: [number, string[]],
    change: FlagChange,
    after: string,
    counters: [unseen: number, deleted: number],
  ][] = [
    ['add', [0, []], { mode: 'add', flags: { system: 9, keywords: ['a'] } }, '9,a@3', [0, 1]],
    ['add what is there', [9, ['a']], { mode: 'add', flags: { system: 1, keywords: ['A'] } }, '9,a@2', [0, 1]],
    ['remove', [9, ['a', 'b']], { mode: 'remove', flags: { system: 8, keywords: ['B'] } }, '1,a@3', [0, 0]],
    ['remove what is not there', [1, []], { mode: 'remove', flags: { system: 8, keywords: ['none'] } }, '1@2', [0, 0]],
    ['replace', [9, ['a']], { mode: 'replace', flags: { system: 2, keywords: ['b'] } }, '2,b@3', [1, 0]],
    ['replace by the same', [2, ['a']], { mode: 'replace', flags: { system: 2, keywords: ['a'] } }, '2,a@2', [1, 0]],
    ['replace by nothing', [31, ['a']], { mode: 'replace', flags: { system: 0, keywords: [] } }, '0@3', [1, 0]],
  ];
  for (const [name, [system, keywords], change, after, counters] of stores) {
    it(`STORE: ${name}`, () => {
      const made = account();
      made.fill('INBOX', 1, { flags: { system, keywords } });
      const result = made.run(storeFlagsCommand(made.id('INBOX'), EVERYTHING, change, undefined));
      assert.equal(made.show('INBOX'), `1:${after}`);
      assert.deepEqual([made.state.byPath('INBOX')?.unseen, made.state.byPath('INBOX')?.deleted], counters);
      assert.deepEqual(result.changed, after.endsWith('@3') ? [{ from: 1, to: 1 }] : []);
      assert.equal(result.modseq, Number(after.split('@')[1]));
    });
  }

  it('UNCHANGEDSINCE: what changed since is told and left alone, the rest is changed', () => {
    const made = account();
    made.fill('INBOX', 3);
    const inbox = made.id('INBOX');
    const seen: FlagChange = { mode: 'add', flags: { system: 1, keywords: [] } };
    made.run(storeFlagsCommand(inbox, [{ from: 2, to: 2 }], seen, undefined));
    const result = made.run(
      storeFlagsCommand(inbox, EVERYTHING, { mode: 'add', flags: { system: 4, keywords: [] } }, 2),
    );
    assert.deepEqual(result, { changed: rangesOf([1, 3]), modified: rangesOf([2]), modseq: 4 });
    assert.equal(made.show('INBOX'), '1:4@4 2:1@3 3:4@4');
    const none = made.run(storeFlagsCommand(inbox, EVERYTHING, seen, 0));
    assert.deepEqual([none.changed, none.modified], [[], [{ from: 1, to: 3 }]]);
  });

  it('UIDs that are gone, ranges out of order and beyond the end are passed over', () => {
    const made = account();
    made.fill('INBOX', 4);
    const inbox = made.id('INBOX');
    made.run(expungeCommand(inbox, [{ from: 2, to: 2 }], true));
    const ranges = [{ from: 4, to: 900 }, { from: 1, to: 3 }, { from: 2, to: 3 }]; // prettier-ignore
    const result = made.run(
      storeFlagsCommand(inbox, ranges, { mode: 'add', flags: { system: 1, keywords: [] } }, undefined),
    );
    assert.deepEqual(result.changed, rangesOf([1, 3, 4]));
  });

  const keywordLimits: readonly [name: string, keywords: string[], outcome: string][] = [
    ['64 octets', ['x'.repeat(64)], 'ok'],
    ['65 octets', ['x'.repeat(65)], 'limit'],
    ['a space', ['a b'], 'invalid-input'],
    ['a backslash', ['\\Foo'], 'invalid-input'],
    ['a bracket', ['a]'], 'invalid-input'],
    ['8-bit', ['ä'], 'invalid-input'],
    ['nothing', [''], 'invalid-input'],
    ['usual ones', ['$Forwarded', 'NonJunk', '$label1', '__proto__'], 'ok'],
    ['99', Array.from({ length: 99 }, (_, at) => `k${at}`), 'ok'],
    ['100', Array.from({ length: 100 }, (_, at) => `k${at}`), 'ok'],
    ['101', Array.from({ length: 101 }, (_, at) => `k${at}`), 'limit'],
  ];
  for (const [name, keywords, outcome] of keywordLimits) {
    it(`keywords: ${name}: ${outcome}`, () => {
      const flags = { system: 0, keywords };
      const stored = account();
      stored.fill('INBOX', 1);
      expectOutcome(
        outcome,
        () => stored.run(storeFlagsCommand(stored.id('INBOX'), EVERYTHING, { mode: 'add', flags }, undefined)),
        () => 'ok',
      );
      const appended = account();
      expectOutcome(
        outcome,
        () => appended.run(appendCommand(appended.id('INBOX'), [newMessage({ flags })])),
        () => 'ok',
      );
      if (outcome === 'ok')
        assert.equal(stored.show('INBOX'), `1:0${keywords.map((keyword) => `,${keyword}`).join('')}@3`);
    });
  }

  it('keywords: as many as the setting says, whoever makes them', () => {
    const made = account();
    made.maxKeywords = 3;
    made.fill('INBOX', 1, { flags: { system: 0, keywords: ['a', 'b'] } });
    const store = (...keywords: string[]): unknown =>
      made.run(
        storeFlagsCommand(made.id('INBOX'), EVERYTHING, { mode: 'add', flags: { system: 0, keywords } }, undefined),
      );
    store('c');
    assert.throws(() => store('d'), { code: 'limit' });
    assert.throws(() => made.fill('INBOX', 1, { flags: { system: 0, keywords: ['d'] } }), { code: 'limit' });
    store('A', 'B', 'C');
    made.maxKeywords = 4;
    store('d');
    assert.throws(() => store('e'), { code: 'limit' });
  });

  it('copies bring their keywords beyond the limit of STORE, and no unknown system flag comes in', () => {
    const made = account('b');
    for (const [path, prefix] of [
      ['INBOX', 'k'],
      ['b', 'l'],
    ] as const) {
      // prettier-ignore
      made.fill(path, 1, { flags: { system: 0, keywords: Array.from({ length: 100 }, (_, at) => `${prefix}${at}`) } });
    }
    made.run(copyCommand(made.id('INBOX'), EVERYTHING, made.id('b'), false));
    assert.equal(made.state.byPath('b')?.keywords.names.length, 200);
    const unknown: FlagChange = { mode: 'add', flags: { system: 64, keywords: [] } };
    assert.throws(() => made.run(storeFlagsCommand(made.id('b'), EVERYTHING, unknown, undefined)), {
      code: 'invalid-input',
    });
  });

  it('EXPUNGE takes what is marked, within the UIDs given; force takes all of them', () => {
    const made = account();
    made.fill('INBOX', 6);
    const inbox = made.id('INBOX');
    assert.equal(made.decide(expungeCommand(inbox, undefined, false)).changes.length, 0);
    made.run(
      storeFlagsCommand(inbox, [{ from: 2, to: 5 }], { mode: 'add', flags: { system: 8, keywords: [] } }, undefined),
    );
    assert.deepEqual(made.run(expungeCommand(inbox, [{ from: 4, to: 6 }], false)).uids, [4, 5]);
    assert.deepEqual(made.run(expungeCommand(inbox, [{ from: 6, to: 9 }], true)).uids, [6]);
    assert.deepEqual(made.run(expungeCommand(inbox, undefined, false)).uids, [2, 3]);
    const { messages, unseen, deleted, octets, uidNext } = made.state.byPath('INBOX') ?? {};
    assert.deepEqual([messages, unseen, deleted, octets, uidNext], [1, 1, 0, 100, 7]);
    assert.equal(made.state.octets, 100);
  });

  it('COPY and MOVE give UIDs in parallel; a mailbox onto itself too', () => {
    const made = account('b');
    made.fill('INBOX', 4, { flags: { system: 9, keywords: ['k'] } });
    const inbox = made.id('INBOX');
    const copied = made.run(copyCommand(inbox, [{ from: 2, to: 3 }], made.id('b'), false));
    assert.deepEqual([copied.sourceUids, copied.targetUids, copied.uidValidity], [[2, 3], [1, 2], SECONDS + 1]); // prettier-ignore
    made.run(copyCommand(inbox, [{ from: 1, to: 1 }], made.id('b'), true));
    assert.equal(made.show('b'), '1:9,k@4 2:9,k@4 3:9,k@5');
    made.run(copyCommand(inbox, [{ from: 2, to: 2 }], inbox, true));
    assert.equal(made.show('INBOX'), '3:9,k@3 4:9,k@3 5:9,k@6');
    assert.deepEqual(
      [made.state.byPath('INBOX')?.messages, made.state.byPath('INBOX')?.deleted, made.state.octets],
      [3, 3, 600],
    );
    assert.equal(made.decide(copyCommand(inbox, [{ from: 1, to: 2 }], made.id('b'), true)).changes.length, 0);
    assert.throws(() => made.run(copyCommand(inbox, EVERYTHING, 'f'.repeat(24) as MailboxId, false)), {
      code: 'mailbox-not-found',
    });
  });

  it('100,000 messages, and 12 MiB of rows, are the limit of one command', () => {
    const made = account('b');
    const message = newMessage();
    const inbox = made.id('INBOX');
    const many = Array.from({ length: 100_000 }, () => message);
    assert.throws(() => made.run(appendCommand(inbox, [...many, message])), { code: 'limit' });
    made.run(appendCommand(inbox, many));
    made.run(copyCommand(inbox, EVERYTHING, made.id('b'), true));
    made.run(appendCommand(inbox, [message]));
    made.run(copyCommand(made.id('b'), [{ from: 1, to: 99_999 }], inbox, false));
    made.run(appendCommand(inbox, [message]));
    assert.throws(() => made.run(copyCommand(inbox, EVERYTHING, made.id('b'), true)), { code: 'limit' });
    assert.throws(() => made.run(renameCommand('INBOX', 'c')), { code: 'limit' });
    const keywords = Array.from({ length: 50 }, (_, at) => `k${at}`);
    const heavy = { mode: 'add', flags: { system: 0, keywords } } as const;
    made.run(storeFlagsCommand(inbox, EVERYTHING, heavy, undefined));
    assert.throws(() => made.run(copyCommand(inbox, [{ from: 100_001, to: 199_999 }], made.id('b'), true)), {
      code: 'limit',
    });
    assert.equal(
      made.run(copyCommand(inbox, [{ from: 100_001, to: 170_000 }], made.id('b'), true)).sourceUids.length,
      70_000,
    );
  });

  it('UIDs end at 2^32 - 2', () => {
    const made = account();
    const header = made.state.byPath('INBOX');
    assert.ok(header);
    made.state.put({ ...header, uidNext: 2 ** 32 - 2 });
    assert.throws(() => made.run(appendCommand(header.id, [newMessage(), newMessage()])), { code: 'limit' });
    assert.deepEqual(made.run(appendCommand(header.id, [newMessage()])).uids, [2 ** 32 - 2]);
    assert.throws(() => made.run(appendCommand(header.id, [newMessage()])), { code: 'limit' });
  });

  it('a delivery is done once; to a mailbox that is not there it goes to INBOX', () => {
    const made = account('a');
    const message = newMessage();
    const first = made.run(deliverCommand(message, 'a'));
    assert.equal(first.mailbox, made.id('a'));
    const again = made.decide(deliverCommand(message, 'INBOX'));
    assert.deepEqual([again.changes, again.result], [[], first]);
    assert.equal(made.run(deliverCommand(newMessage(), 'nowhere')).mailbox, made.id('INBOX'));
    assert.equal(made.run(deliverCommand(newMessage(), '//')).mailbox, made.id('INBOX'));
    made.run(copyCommand(made.id('a'), EVERYTHING, made.id('INBOX'), true));
    made.run(removeCommand('a'));
    assert.deepEqual(made.run(deliverCommand(message, 'a')), first);
  });

  it('a sweep names only what nothing refers to', () => {
    const made = account('b', 'c');
    const ids = ['live', 'expunged', 'removed', 'loose', 'written'].map(messageIdOf);
    const [live, expunged, removed, loose, written] = ids.map((messageId) => newMessage({ messageId }));
    assert.ok(live && expunged && removed && loose && written);
    made.run(appendCommand(made.id('INBOX'), [live, expunged]));
    made.run(expungeCommand(made.id('INBOX'), [{ from: 2, to: 2 }], true));
    made.run(appendCommand(made.id('b'), [removed]));
    made.run(removeCommand('b'));
    assert.deepEqual(made.run(sweepCommand(ids, new Set([written.messageId]))), [loose.messageId]);
    assert.equal(made.state.sweptAt(loose.messageId), made.state.q);
  });

  it('nothing is done to an account that is closed, or was never made', () => {
    const commands: Command<unknown>[] = [
      createCommand('x', {}),
      renameCommand('INBOX', 'y'),
      removeCommand('z'),
      subscribeCommand('x', true),
      setQuotaCommand(9),
      deliverCommand(newMessage(), 'INBOX'),
      appendCommand('0'.repeat(24) as MailboxId, [newMessage()]),
      expungeCommand('0'.repeat(24) as MailboxId, undefined, true),
    ];
    const closed = account();
    closed.run(closeAccountCommand());
    assert.equal(closed.decide(closeAccountCommand()).changes.length, 0);
    assert.throws(() => closed.run(createAccountCommand({ quotaOctets: 0, mailboxes: [] })), {
      code: 'user-not-found',
    });
    for (const command of commands) {
      assert.throws(() => closed.run(command), { code: 'user-not-found' });
      assert.throws(() => closed.decide(command, new AccountState(newAccountId())), { code: 'user-not-found' });
    }
    assert.equal(account().decide(createAccountCommand({ quotaOctets: 9, mailboxes: [] })).changes.length, 0);
  });
});
