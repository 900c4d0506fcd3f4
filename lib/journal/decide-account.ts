import type { MessageId } from '../kernel/ids.ts';
import { MailError } from '../kernel/errors.ts';
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
      let validity = state.uidValidity;
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
export function closeAccountCommand(): Command<undefined> {
  return {
    columns: noColumns,
    decide: (state) =>
      state.isClosed ? unchanged(undefined) : { changes: [{ kind: 'close' }], result: () => undefined },
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
 */
export function sweepCommand(
  messageIds: readonly MessageId[],
  tombstoned: ReadonlySet<MessageId>,
): Command<readonly MessageId[]> {
  return {
    columns: (state) => [...state.mailboxes.keys(), ...state.removed.keys()],
    decide: (state) => {
      const wanted = new Set(messageIds);
      for (const id of tombstoned) wanted.delete(id);
      for (const id of [...state.mailboxes.keys(), ...state.removed.keys()]) {
        const columns = state.columns(id);
        if (columns === undefined) continue;
        for (let at = 0; at < columns.count; at += 1) wanted.delete(columns.messageId(at));
        for (let at = 0; at < columns.tombstones.count; at += 1) wanted.delete(columns.tombstones.messageId(at));
      }
      const swept = [...wanted];
      if (swept.length === 0) return unchanged<readonly MessageId[]>([]);
      return { changes: [{ kind: 'sweep', messageIds: swept }], result: () => swept };
    },
  };
}
