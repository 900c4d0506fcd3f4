import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applyRecord } from '../../lib/journal/apply.ts';
import { appendCommand, expungeCommand, storeFlagsCommand } from '../../lib/journal/decide-messages.ts';
import type { Command } from '../../lib/journal/decision.ts';
import { account, NOW } from './decided-account.ts';
import { EVERYTHING, newMessage } from './journal-node.ts';

describe('apply', () => {
  it('never across a gap', () => {
    const made = account();
    const record = { at: NOW, token: '', changes: [] };
    for (const q of [made.state.q, made.state.q + 2])
      assert.throws(() => applyRecord(made.state, { ...record, q }), RangeError);
  });

  it('a fork decides on what is not committed; the state knows nothing of it', () => {
    const made = account();
    made.fill('INBOX', 2);
    const inbox = made.id('INBOX');
    const fork = made.state.fork();
    for (const command of [
      appendCommand(inbox, [newMessage()]),
      storeFlagsCommand(inbox, EVERYTHING, { mode: 'add', flags: { system: 8, keywords: ['new'] } }, undefined),
      expungeCommand(inbox, [{ from: 1, to: 1 }], false),
    ] as Command<unknown>[]) {
      const { changes } = made.decide(command, fork);
      applyRecord(fork, { q: fork.q + 1, at: NOW, token: '', changes });
    }
    assert.deepEqual([...(fork.columns(inbox)?.uids() ?? [])], [2, 3]);
    assert.equal(fork.columns(inbox)?.systemFlags(1), 8);
    assert.equal(made.show('INBOX'), '1:0@2 2:0@2');
    assert.equal(made.state.byPath('INBOX')?.messages, 2);
  });
});
