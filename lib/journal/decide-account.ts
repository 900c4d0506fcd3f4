import type { MailboxId, MessageId } from '../kernel/ids.ts';
import { MailError } from '../kernel/errors.ts';
import type { AccountState } from './account-state.ts';
import type { Change } from './changes.ts';
import { noColumns, requireAccount, unchanged, type Command } from './decision.ts';
import { planMailbox } from './decide-mailboxes.ts';
import type { AccountInit } from './journal.ts';

/** The account's first record; nothing where it is there already. */
export function createAccountCommand(init: AccountInit): Command<undefined> {
  return {
    columns: noColumns,
    decide: (state, context) => {
      if (state.q > 0) {
        requireAccount(state);
        return unchanged(undefined);
      }
      const changes: Change[] = [{ kind: 'init', quotaOctets: init.quotaOctets }];
      let validity = Math.max(state.uidValidity, init.uidValidityAbove ?? 0);
      for (const { path, specialUse, subscribe } of init.mailboxes) {
        const planned = planMailbox(path, specialUse, validity, context);
        validity = planned.uidValidity;
        changes.push(planned);
        if (subscribe) changes.push({ kind: 'subscribe', path: planned.path, isSubscribed: true });
      }
      return { changes, result: () => undefined };
    },
  };
}

/** Refuses everything that comes after; nothing where that is so already. */
export function closeAccountCommand(): Command<{ readonly uidValidity: number }> {
  return {
    columns: noColumns,
    decide: (state) => {
      const { uidValidity } = state;
      return state.isClosed
        ? unchanged({ uidValidity })
        : { changes: [{ kind: 'close' }], result: () => ({ uidValidity }) };
    },
  };
}

export function setQuotaCommand(quotaOctets: number): Command<undefined> {
  return {
    columns: noColumns,
    decide: (state) => {
      requireAccount(state);
      if (!Number.isSafeInteger(quotaOctets) || quotaOctets < 0)
        throw new MailError('invalid-input', 'A quota is a number of octets');
      if (state.quotaOctets === quotaOctets) return unchanged(undefined);
      return { changes: [{ kind: 'quota', quotaOctets }], result: () => undefined };
    },
  };
}

/**
 * Says in the journal that message data may be deleted, after `isLive` found no reference: whoever wants to refer
 * to it from here on meets this record.
 * @param tombstoned message ids that tombstones older than the loaded columns still name
 * @param goneSince milliseconds since 1970: what was expunged or deleted earlier holds nothing any more
 */
export function sweepCommand(
  messageIds: readonly MessageId[],
  tombstoned: ReadonlySet<MessageId>,
  goneSince = 0,
): Command<readonly MessageId[]> {
  return {
    columns: (state) => mailboxesSince(state, goneSince),
    decide: (state) => {
      const wanted = new Set(messageIds);
      for (const id of tombstoned) wanted.delete(id);
      eachReference(state, goneSince, (id) => wanted.delete(id));
      const swept = [...wanted];
      if (swept.length === 0) return unchanged<readonly MessageId[]>([]);
      return { changes: [{ kind: 'sweep', messageIds: swept }], result: () => swept };
    },
  };
}

/** The mailboxes whose messages hold data: those there are, and those deleted at `goneSince` or later. */
export function mailboxesSince(state: AccountState, goneSince: number): readonly MailboxId[] {
  const deleted = [...state.removed].filter(([, { removedAt }]) => removedAt >= goneSince);
  return [...state.mailboxes.keys(), ...deleted.map(([id]) => id)];
}

/** Calls back with each message id that rows and tombstones in loaded columns name. */
export function eachReference(state: AccountState, goneSince: number, found: (id: MessageId) => void): void {
  for (const mailbox of mailboxesSince(state, goneSince)) {
    const columns = state.columns(mailbox);
    if (columns === undefined) continue;
    for (let at = 0; at < columns.count; at += 1) found(columns.messageId(at));
    const { tombstones } = columns;
    for (let at = 0; at < tombstones.count; at += 1)
      if (tombstones.at(at) >= goneSince) found(tombstones.messageId(at));
  }
}
