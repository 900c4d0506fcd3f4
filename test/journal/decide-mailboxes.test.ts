import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCommand, removeCommand, renameCommand, subscribeCommand } from '../../lib/journal/decide-mailboxes.ts';
import type { MailboxId } from '../../lib/kernel/ids.ts';
import { account, expectOutcome, SECONDS } from './decided-account.ts';

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
