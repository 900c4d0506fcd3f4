import type { AccountLog } from './account-log.ts';
import type { MailboxHeader } from './account-state.ts';
import type { Columns } from './columns.ts';
import type { KeywordTable } from './keywords.ts';
import { loadColumns } from './load-columns.ts';
import { accountMiscounts, miscountsOf } from './miscounts.ts';

/** Of these, two ways to one state may differ in the order of keywords alone. */
const FIELDS = [
  'path',
  'specialUse',
  'isNoselect',
  'uidValidity',
  'uidNext',
  'highestModSeq',
  'messages',
  'unseen',
  'deleted',
  'octets',
  'createdAt',
  'recentFrom',
] as const;

/**
 * How the account of one log differs from that of another at the same `q`, and where the counters of the one are not
 * what is counted, each as a sentence.
 */
export async function compareLogs(written: AccountLog, replayed: AccountLog): Promise<readonly string[]> {
  const [one, other] = [written.state, replayed.state];
  const problems: string[] = [];
  const compare = (what: string, a: unknown, b: unknown): void => {
    if (a !== b) problems.push(`${what}: ${String(a)} in the head, ${String(b)} by base and journal`);
  };
  for (const field of ['q', 'isClosed', 'quotaOctets', 'octets', 'messages', 'uidValidity'] as const)
    compare(field, one[field], other[field]);
  compare('subscriptions', [...one.subscriptions].sort().join(), [...other.subscriptions].sort().join());
  for (const header of one.mailboxes.values()) {
    const second = other.mailboxes.get(header.id);
    if (second === undefined) {
      problems.push(`mailbox ${header.path} is in the head alone`);
      continue;
    }
    for (const field of FIELDS) compare(`mailbox ${header.path}, ${field}`, header[field], second[field]);
    if (!header.isNoselect) problems.push(...(await compareRows(written, replayed, header)));
  }
  problems.push(...accountMiscounts(one));
  for (const { id, path } of other.mailboxes.values())
    if (!one.mailboxes.has(id)) problems.push(`mailbox ${path} is missing in the head`);
  return problems;
}

/** One mailbox at a time is in memory. */
async function compareRows(written: AccountLog, replayed: AccountLog, header: MailboxHeader): Promise<string[]> {
  const { id, path } = header;
  const sides: { readonly columns: Columns; readonly table: KeywordTable }[] = [];
  for (const log of [written, replayed]) {
    await loadColumns(log, [id]);
    const columns = log.state.columns(id);
    // The table goes with the columns: loading them may have replaced it.
    const table = log.state.mailboxes.get(id)?.keywords;
    if (columns === undefined || table === undefined) return [`mailbox ${path} cannot be loaded`];
    log.state.unloadColumns(id);
    sides.push({ columns, table });
  }
  const [one, other] = sides;
  if (one === undefined || other === undefined) return [];
  const problems = miscountsOf(header, one.columns, written.state.q);
  if (one.columns.count !== other.columns.count)
    return [
      ...problems,
      `mailbox ${path}: ${one.columns.count} rows in the head, ${other.columns.count} by base and journal`,
    ];
  for (let at = 0; at < one.columns.count; at += 1) {
    if (describeRow(one, at) !== describeRow(other, at))
      return [
        ...problems,
        `mailbox ${path}, UID ${one.columns.uid(at)}: the row in the head is not that of base and journal`,
      ];
  }
  return problems;
}

function describeRow({ columns, table }: { columns: Columns; table: KeywordTable }, at: number): string {
  const row = columns.row(at, table);
  return JSON.stringify({ ...row, flags: { ...row.flags, keywords: [...row.flags.keywords].sort() } });
}
