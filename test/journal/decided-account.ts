import assert from 'node:assert/strict';
import { AccountState } from '../../lib/journal/account-state.ts';
import { applyRecord } from '../../lib/journal/apply.ts';
import type { Change } from '../../lib/journal/changes.ts';
import { createAccountCommand } from '../../lib/journal/decide-account.ts';
import { createCommand } from '../../lib/journal/decide-mailboxes.ts';
import { appendCommand } from '../../lib/journal/decide-messages.ts';
import type { Command } from '../../lib/journal/decision.ts';
import type { NewMessage } from '../../lib/journal/index.ts';
import { newAccountId, type MailboxId } from '../../lib/kernel/ids.ts';
import { newMessage } from './journal-node.ts';

export const NOW = 1_800_000_000_500;
export const SECONDS = 1_800_000_000;

/** An account by itself: commands are decided and applied at once, ids count up. */
export class Account {
  readonly state = new AccountState(newAccountId());
  now = NOW;
  maxKeywords = 100;
  #drawn = 0;

  constructor(quotaOctets = 0) {
    this.run(createAccountCommand({ quotaOctets, mailboxes: [{ path: 'INBOX', subscribe: true }] }));
  }

  decide<R>(command: Command<R>, state = this.state): { changes: readonly Change[]; result: R } {
    const context = {
      now: this.now,
      maxKeywords: this.maxKeywords,
      drawMailboxId: () => (this.#drawn += 1).toString(16).padStart(24, '0') as MailboxId,
    };
    const { changes, result } = command.decide(state, context);
    return { changes, result: result(state.q + 1) };
  }

  run<R>(command: Command<R>): R {
    const { changes, result } = this.decide(command);
    if (changes.length > 0) applyRecord(this.state, { q: this.state.q + 1, at: this.now, token: '', changes });
    return result;
  }

  id(path: string): MailboxId {
    const header = this.state.byPath(path);
    assert.ok(header, path);
    return header.id;
  }

  paths(): string {
    return [...this.state.mailboxes.values()]
      .map(({ path, isNoselect }) => (isNoselect ? `(${path})` : path))
      .sort()
      .join(' ');
  }

  fill(path: string, count: number, overrides: Partial<NewMessage> = {}): void {
    this.run(
      appendCommand(
        this.id(path),
        Array.from({ length: count }, () => newMessage(overrides)),
      ),
    );
  }

  /** UID, flags and modseq of each message. */
  show(path: string): string {
    const header = this.state.byPath(path);
    const columns = this.state.columns(this.id(path));
    assert.ok(columns && header);
    const rows = Array.from({ length: columns.count }, (_, at) => columns.row(at, header.keywords));
    return rows
      .map(
        ({ uid, flags, modseq }) =>
          `${uid}:${flags.system}${flags.keywords.map((name) => `,${name}`).join('')}@${modseq}`,
      )
      .join(' ');
  }
}

/** An account with INBOX and mailboxes at the paths. */
export function account(...paths: string[]): Account {
  const made = new Account();
  for (const path of paths) made.run(createCommand(path, {}));
  return made;
}

/** The outcome is an error's code, or what `show` gives afterwards. */
export function expectOutcome(outcome: string, act: () => unknown, show: () => string): void {
  let code: string | undefined;
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof Error && 'code' in error, String(error));
    code = String(error.code);
  }
  assert.equal(code ?? show(), outcome);
}
