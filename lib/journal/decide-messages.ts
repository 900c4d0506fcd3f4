import { MailError } from '../kernel/errors.ts';
import type { MailboxId, Uid } from '../kernel/ids.ts';
import type { AccountState, MailboxHeader } from './account-state.ts';
import type { AppendedRow, AppendOrigin, Change } from './changes.ts';
import { flagMask } from './flag-mask.ts';
import { rowsFrom } from './copied-rows.ts';
import {
  noColumns,
  requireAccount,
  requireColumns,
  requireMailbox,
  requireQuota,
  requireRowOctets,
  requireTable,
  requireTarget,
  requireUids,
  unchanged,
  type Command,
} from './decision.ts';
import {
  type AppendResult,
  type CopyResult,
  type FlagChange,
  type MailboxRef,
  type NewMessage,
  type UidRanges,
} from './journal.ts';
import { checkFlagSet, MAX_TABLE } from './keywords.ts';
import { INBOX, lookupPath } from './mailbox-path.ts';
import { planExpunge, planFlags } from './plan-changes.ts';
import { normalizeRanges, rangesOf } from './uid-set.ts';

const EVERYTHING: UidRanges = [{ from: 1, to: 2 ** 32 - 1 }];

export interface FlagsResult {
  readonly changed: UidRanges;
  readonly modified: UidRanges;
  readonly modseq: number;
}

export interface ExpungeResult {
  readonly uids: readonly Uid[];
  readonly modseq: number;
}

/** APPEND, MULTIAPPEND and uploads: all messages or none. */
export function appendCommand(mailbox: MailboxRef, messages: readonly NewMessage[]): Command<AppendResult> {
  return {
    columns: noColumns,
    decide: (state, { maxKeywords }) => {
      const header = requireTarget(state, mailbox);
      if (messages.length === 0) return unchanged(appendResult(header, [], header.highestModSeq));
      for (const { flags } of messages) checkFlagSet(flags);
      requireQuota(state, octetsOf(messages));
      const change = planAppend(state, header, messages, 'append', maxKeywords);
      return { changes: [change], result: (q) => appendResult(header, change.rows, q) };
    },
  };
}

/** Once per message id: a delivery that the state knows of answers with what came of it. */
export function deliverCommand(message: NewMessage, mailboxPath: string): Command<AppendResult> {
  return {
    columns: noColumns,
    decide: (state) => {
      requireAccount(state);
      const earlier = state.delivery(message.messageId);
      if (earlier !== undefined) {
        const { mailbox, uidValidity, uid, q } = earlier;
        return unchanged({ mailbox, uidValidity, uids: [uid as Uid], modseq: q });
      }
      const path = lookupPath(mailboxPath);
      const named = path === undefined ? undefined : state.byPath(path);
      const header = named?.isNoselect === false ? named : state.byPath(INBOX);
      if (header === undefined) throw new MailError('mailbox-not-found', 'This user has no INBOX');
      checkFlagSet(message.flags);
      requireQuota(state, message.size);
      const change = planAppend(state, header, [message], 'delivery', MAX_TABLE);
      return { changes: [change], result: (q) => appendResult(header, change.rows, q) };
    },
  };
}

/** RFC 3501 section 6.4.6, RFC 7162 section 3.1.3. What has the flags already is left alone, its modseq too. */
export function storeFlagsCommand(
  mailbox: MailboxId,
  uids: UidRanges,
  change: FlagChange,
  unchangedSince: number | undefined,
): Command<FlagsResult> {
  const ranges = normalizeRanges(uids);
  return {
    columns: () => [mailbox],
    decide: (state, { maxKeywords }) => {
      const header = requireMailbox(state, mailbox);
      const columns = requireColumns(state, mailbox);
      checkFlagSet(change.flags);
      const table = change.mode === 'remove' ? header.keywords : header.keywords.with(change.flags.keywords);
      requireTable(state, header.keywords, table, maxKeywords);
      const mask = flagMask(change, table);
      const { changed, modified, unseen, deleted } = planFlags(columns, ranges, mask, unchangedSince);
      if (changed.length === 0) return unchanged({ changed, modified, modseq: header.highestModSeq });
      const record: Change = { kind: 'flags', mailbox, uids: changed, change, unseen, deleted };
      return { changes: [record], result: (q) => ({ changed, modified, modseq: q }) };
    },
  };
}

/** EXPUNGE, UID EXPUNGE (RFC 4315 section 2.1); `force` asks no `\Deleted`. */
export function expungeCommand(
  mailbox: MailboxId,
  uids: UidRanges | undefined,
  force: boolean,
): Command<ExpungeResult> {
  const ranges = uids === undefined ? EVERYTHING : normalizeRanges(uids);
  return {
    columns: () => [mailbox],
    decide: (state) => {
      const header = requireMailbox(state, mailbox);
      // The header says whether anything is marked: an EXPUNGE of nothing looks at no message.
      if (!force && header.deleted === 0) return unchanged({ uids: [], modseq: header.highestModSeq });
      const { uids, tally } = planExpunge(requireColumns(state, mailbox), ranges, force);
      if (uids.length === 0) return unchanged({ uids: [], modseq: header.highestModSeq });
      return {
        changes: [{ kind: 'expunge', mailbox, uids, ...tally }],
        result: (q) => ({ uids: eachUid(uids), modseq: q }),
      };
    },
  };
}

/** COPY (RFC 3501 section 6.4.7) and, with `isMove`, MOVE (RFC 6851): one record, so atomic; MOVE asks no quota. */
export function copyCommand(
  mailbox: MailboxId,
  uids: UidRanges,
  target: MailboxRef,
  isMove: boolean,
): Command<CopyResult> {
  const ranges = normalizeRanges(uids);
  return {
    columns: () => [mailbox],
    decide: (state) => {
      const source = requireMailbox(state, mailbox);
      const destination = requireTarget(state, target);
      const { rows, sourceUids, tally } = rowsFrom(
        requireColumns(state, mailbox),
        source.keywords,
        ranges,
        destination.uidNext,
      );
      const result = (q: number): CopyResult => ({
        target: destination.id,
        uidValidity: destination.uidValidity,
        sourceUids,
        targetUids: rows.map(({ uid }) => uid as Uid),
        modseq: q,
      });
      if (rows.length === 0) return unchanged(result(destination.highestModSeq));
      requireUids(destination, rows.length);
      requireKeywords(state, destination, rows, MAX_TABLE);
      if (!isMove) requireQuota(state, tally.octets);
      const changes: Change[] = [{ kind: 'append', mailbox: destination.id, origin: 'copy', rows }];
      if (isMove) changes.push({ kind: 'expunge', mailbox, uids: rangesOf(sourceUids), ...tally });
      return { changes, result };
    },
  };
}

function planAppend(
  state: AccountState,
  header: MailboxHeader,
  messages: readonly NewMessage[],
  origin: AppendOrigin,
  mostKeywords: number,
) {
  requireUids(header, messages.length);
  const rows = messages.map(({ flags, ...message }, index) => ({
    ...message,
    uid: header.uidNext + index,
    system: flags.system,
    keywords: [...new Set(flags.keywords)],
  }));
  requireKeywords(state, header, rows, mostKeywords);
  return { kind: 'append', mailbox: header.id, origin, rows } as const;
}

/** What the rows bring of keywords must have room. @throws MailError `limit` */
export function requireKeywords(
  state: AccountState,
  header: MailboxHeader,
  rows: readonly AppendedRow[],
  most: number,
): void {
  requireRowOctets(rows);
  const names = new Set(rows.flatMap(({ keywords }) => keywords));
  if (names.size > 0) requireTable(state, header.keywords, header.keywords.with([...names]), most);
}

function octetsOf(messages: readonly NewMessage[]): number {
  return messages.reduce((sum, { size }) => sum + size, 0);
}

function appendResult(header: MailboxHeader, rows: readonly AppendedRow[], modseq: number): AppendResult {
  return { mailbox: header.id, uidValidity: header.uidValidity, uids: rows.map(({ uid }) => uid as Uid), modseq };
}

function eachUid(ranges: UidRanges): Uid[] {
  const uids: Uid[] = [];
  for (const { from, to } of ranges) for (let uid = from; uid <= to; uid += 1) uids.push(uid as Uid);
  return uids;
}
