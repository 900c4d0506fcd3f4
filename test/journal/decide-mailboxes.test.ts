import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCommand, removeCommand, renameCommand, subscribeCommand } from '../../lib/journal/decide-mailboxes.ts';
import { appendCommand, copyCommand, storeFlagsCommand } from '../../lib/journal/decide-messages.ts';
import type { MailboxId } from '../../lib/kernel/ids.ts';
import { account, expectOutcome, SECONDS } from './decided-account.ts';
import { EVERYTHING, newMessage } from './journal-node.ts';

describe('decide: mailboxes', () => {
  const creations: readonly [given: string[], path: string, outcome: string][] = [
    [[], 'a', 'INBOX a'],
    [[], 'a/b/c', 'INBOX a a/b a/b/c'],
    [['a'], 'a/b', 'INBOX a a/b'],
    [[], 'a/', 'INBOX a'],
    [[], 'inbox/a', 'INBOX INBOX/a'],
    [['a'], 'a', 'mailbox-exists'],
    [[], 'InBox', 'mailbox-exists'],
    [[], 'a//b', 'mailbox-name-invalid'],
    [[], '', 'mailbox-name-invalid'],
  ];
  for (const [given, path, outcome] of creations) {
    it(`CREATE ${path} beside ${given.join(' ') || 'INBOX'}: ${outcome}`, () => {
      const made = account(...given);
      expectOutcome(
        outcome,
        () => made.run(createCommand(path, {})),
        () => made.paths(),
      );
    });
  }

  const renames: readonly [given: string[], from: string, to: string, outcome: string][] = [
    [['a'], 'a', 'b', 'INBOX b'],
    [['a/b/c', 'ab'], 'a', 'x', 'INBOX ab x x/b x/b/c'],
    [['a/b'], 'a/b', 'c/d', 'INBOX a c c/d'],
    [['a', 'b'], 'a', 'b', 'mailbox-exists'],
    [['a'], 'a', 'a', 'mailbox-exists'],
    [['a'], 'a', 'inbox', 'mailbox-exists'],
    [['a'], 'a', 'a/b', 'mailbox-not-permitted'],
    [[], 'a', 'b', 'mailbox-not-found'],
    [[], '', 'b', 'mailbox-not-found'],
    [['a'], 'a', 'b//c', 'mailbox-name-invalid'],
    [
      ['a/b'],
      'a',
      'x/'.repeat(18) + 'x',
      `INBOX ${Array.from({ length: 19 }, (_, at) => 'x/'.repeat(at) + 'x').join(' ')} ${'x/'.repeat(19)}b`,
    ],
    [['a/b'], 'a', 'x/'.repeat(19) + 'x', 'mailbox-name-invalid'],
  ];
  for (const [given, from, to, outcome] of renames) {
    it(`RENAME ${from} ${to.slice(0, 12)} beside ${given.join(' ')}: ${outcome.slice(0, 30)}`, () => {
      const made = account(...given);
      expectOutcome(
        outcome,
        () => made.run(renameCommand(from, to)),
        () => made.paths(),
      );
    });
  }

  const removals: readonly [given: string[], removed: string[], outcome: string][] = [
    [['a'], ['a'], 'INBOX'],
    [['a/b'], ['a'], '(a) INBOX a/b'],
    [['a/b'], ['a', 'a/b'], 'INBOX'],
    [['a/b', 'a/c'], ['a', 'a/b'], '(a) INBOX a/c'],
    [['a/b/c'], ['a', 'a/b', 'a/b/c'], 'INBOX'],
    [['a/b/c'], ['a/b', 'a/b/c'], 'INBOX a'],
    [['a/b'], ['a', 'a'], 'mailbox-has-children'],
    [[], ['a'], 'mailbox-not-found'],
    [[], ['inbox'], 'mailbox-not-permitted'],
  ];
  for (const [given, removed, outcome] of removals) {
    it(`DELETE ${removed.join(', ')} of ${given.join(' ')}: ${outcome}`, () => {
      const made = account(...given);
      expectOutcome(
        outcome,
        () => removed.forEach((path) => made.run(removeCommand(path))),
        () => made.paths(),
      );
    });
  }

  it('a name that stands for its children is a mailbox again when created, with another id and UIDVALIDITY', () => {
    const made = account('a/b');
    const before = made.state.byPath('a');
    made.run(removeCommand('a'));
    made.run(createCommand('a', {}));
    const after = made.state.byPath('a');
    assert.equal(made.paths(), 'INBOX a a/b');
    assert.notEqual(after?.id, before?.id);
    assert.ok((after?.uidValidity ?? 0) > (before?.uidValidity ?? 0));
  });

  it('renaming the last child away frees the name that stood for it', () => {
    const made = account('a/b');
    made.run(removeCommand('a'));
    made.run(renameCommand('a/b', 'c'));
    assert.equal(made.paths(), 'INBOX c');
  });

  it('UIDVALIDITY is the time in seconds, or one more than the last', () => {
    const made = account('a', 'b');
    assert.deepEqual(
      ['INBOX', 'a', 'b'].map((path) => made.state.byPath(path)?.uidValidity),
      [SECONDS, SECONDS + 1, SECONDS + 2],
    );
    made.now += 60_000;
    made.run(createCommand('c', {}));
    assert.equal(made.state.byPath('c')?.uidValidity, SECONDS + 60);
    made.now -= 3_600_000;
    made.run(removeCommand('c'));
    made.run(createCommand('c', {}));
    assert.equal(made.state.byPath('c')?.uidValidity, SECONDS + 61);
  });

  it('a rename keeps id, UIDVALIDITY, messages and modseq; subscriptions are names and stay', () => {
    const made = account('a');
    made.fill('a', 2);
    made.run(subscribeCommand('a', true));
    const before = made.state.byPath('a');
    made.run(renameCommand('a', 'b'));
    assert.deepEqual(made.state.byPath('b'), { ...before, path: 'b' });
    assert.deepEqual([...made.state.subscriptions], ['INBOX', 'a']);
  });

  it('RENAME of INBOX moves its messages; INBOX keeps id, UIDVALIDITY, UIDNEXT and children', () => {
    const made = account('INBOX/sub');
    made.fill('INBOX', 3);
    const before = made.state.byPath('INBOX');
    made.run(renameCommand('inbox', 'old/mail'));
    const after = made.state.byPath('INBOX');
    assert.equal(made.paths(), 'INBOX INBOX/sub old old/mail');
    assert.deepEqual(
      [after?.id, after?.uidValidity, after?.uidNext, after?.messages],
      [before?.id, before?.uidValidity, 4, 0],
    );
    assert.equal(made.show('old/mail'), '1:0@4 2:0@4 3:0@4');
    assert.equal(made.state.octets, 300);
  });

  it('10,000 mailboxes are the limit', () => {
    const made = account();
    const { state } = made;
    const template = state.byPath('INBOX');
    assert.ok(template);
    for (let count = 1; count < 9_998; count += 1) {
      state.put({ ...template, id: `f${count}`.padStart(24, '0') as MailboxId, path: `m${count}` });
    }
    made.run(createCommand('a', {}));
    assert.throws(() => made.run(createCommand('b/c', {})), { code: 'limit' });
    made.run(createCommand('b', {}));
    assert.equal(state.mailboxes.size, 10_000);
    assert.throws(() => made.run(createCommand('c', {})), { code: 'limit' });
    assert.throws(() => made.run(renameCommand('a', 'd/e')), { code: 'limit' });
  });

  it('8 MiB of headers are the limit, for names that grow by renaming too', () => {
    const made = account();
    const deep = ['a', ...Array.from({ length: 18 }, () => 'x'.repeat(512))].join('/');
    let created = 0;
    assert.throws(
      () => {
        for (; created < 10_000; created += 1) made.run(createCommand(`${deep}/${created}`, {}));
      },
      { code: 'limit' },
    );
    assert.ok(created > 700 && created < 900, `${created} mailboxes`);
    made.run(renameCommand('a', 'b'));
    assert.throws(() => made.run(renameCommand('b', 'y'.repeat(512))), { code: 'limit' });
  });

  it('8 MiB of headers, to the octet, names of keywords among them', () => {
    const made = account('a');
    const { state } = made;
    const template = state.byPath('a');
    assert.ok(template);
    // A header counts 200 octets beside its path, a keyword 8 beside its name.
    const most = 8 * 1024 * 1024;
    let count = 0;
    const fillTo = (octets: number): void => {
      while (state.headerOctets < octets) {
        const length = Math.min(10_000, octets - state.headerOctets - 200);
        const id = `f${(count += 1)}`.padStart(24, '0') as MailboxId;
        state.put({ ...template, id, path: `${count}`.padEnd(length, 'x') });
      }
    };
    fillTo(most - 5000);
    fillTo(most - 210);
    made.fill('INBOX', 1);
    const isLimit = { code: 'limit' };
    const flags = (...keywords: string[]) => ({ system: 0, keywords });
    const store = (...keywords: string[]): unknown =>
      made.run(storeFlagsCommand(made.id('INBOX'), EVERYTHING, { mode: 'add', flags: flags(...keywords) }, undefined));
    assert.throws(() => made.run(createCommand('elevenchars', {})), isLimit);
    made.run(createCommand('tenletters', {}));
    assert.equal(state.headerOctets, most);
    assert.throws(() => made.run(renameCommand('tenletters', 'elevenchars')), isLimit);
    assert.throws(() => store('k'), isLimit);
    made.run(renameCommand('tenletters', 'k'));
    assert.throws(() => store('kk'), isLimit);
    assert.throws(() => made.run(appendCommand(made.id('INBOX'), [newMessage({ flags: flags('kk') })])), isLimit);
    store('k');
    assert.equal(state.headerOctets, most);
    store('K');
    // What is brought counts as well, and goes where it is known already.
    assert.throws(() => made.run(copyCommand(made.id('INBOX'), EVERYTHING, made.id('a'), false)), isLimit);
    assert.throws(() => made.run(copyCommand(made.id('INBOX'), EVERYTHING, made.id('a'), true)), isLimit);
    made.run(copyCommand(made.id('INBOX'), EVERYTHING, made.id('INBOX'), false));
    made.run(removeCommand('k'));
    assert.throws(() => made.run(renameCommand('INBOX', 'i'.repeat(201 - 200 + 192))), isLimit, 'with its keywords');
    made.run(copyCommand(made.id('INBOX'), EVERYTHING, made.id('a'), true));
  });

  it('2 MiB of names of subscriptions', () => {
    const made = account();
    const { state } = made;
    const name = (octets: number): string => `${'s'.repeat(511)}/`.repeat(20).slice(0, octets - 1) + 'e';
    const taken = Buffer.byteLength([...state.subscriptions].join(''));
    for (let left = 2 * 1024 * 1024 - taken - 100; left > 0; left -= 10_000)
      state.subscriptions.add(`${left}`.padEnd(Math.min(left, 10_000), 'x'));
    for (const [octets, outcome] of [
      [101, 'limit'],
      [99, 'ok'],
      [2, 'limit'],
      [1, 'ok'],
      [1, 'limit'],
    ] as const) {
      const path = octets === 1 ? (state.subscriptions.has('y') ? 'z' : 'y') : name(octets);
      if (outcome === 'limit') assert.throws(() => made.run(subscribeCommand(path, true)), { code: 'limit' }, path);
      else made.run(subscribeCommand(path, true));
    }
    made.run(subscribeCommand('y', false));
    made.run(subscribeCommand('z', true));
  });

  it('subscriptions are names, whether or not there is a mailbox', () => {
    const made = account();
    made.run(subscribeCommand('nowhere', true));
    assert.equal(made.decide(subscribeCommand('nowhere', true)).changes.length, 0);
    assert.equal(made.decide(subscribeCommand('elsewhere', false)).changes.length, 0);
    assert.throws(() => made.run(subscribeCommand('a//b', true)), { code: 'mailbox-name-invalid' });
    made.run(subscribeCommand('Inbox', false));
    assert.deepEqual([...made.state.subscriptions], ['nowhere']);
    for (let count = 1; count < 20_000; count += 1) made.state.subscriptions.add(`s${count}`);
    assert.throws(() => made.run(subscribeCommand('one more', true)), { code: 'limit' });
  });
});
