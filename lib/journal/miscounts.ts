import type { AccountState, MailboxHeader } from './account-state.ts';
import type { Counters } from './changes.ts';
import type { Columns } from './columns.ts';
import { addToTally, newTally } from './copied-rows.ts';

/** The counters that the messages of a mailbox make; UIDNEXT is never lowered. */
export function countersOf({ uidNext }: MailboxHeader, columns: Columns): Counters {
  const tally = newTally();
  for (let at = 0; at < columns.count; at += 1) addToTally(tally, columns, at);
  return { messages: columns.count, ...tally, uidNext: Math.max(uidNext, lastUid(columns) + 1) };
}

/** Where a header and its rows are at odds, each as a sentence. @param q the account's last record */
export function miscountsOf(header: MailboxHeader, columns: Columns, q: number): string[] {
  const problems: string[] = [];
  const say = (what: string, kept: number, counted: string): void => {
    problems.push(`mailbox ${header.path}, ${what}: ${kept} kept, ${counted}`);
  };
  const counters = countersOf(header, columns);
  for (const what of ['messages', 'unseen', 'deleted', 'octets'] as const)
    if (header[what] !== counters[what]) say(what, header[what], `${counters[what]} counted`);
  if (header.uidNext < counters.uidNext) say('UIDNEXT', header.uidNext, `the last UID is ${counters.uidNext - 1}`);
  if (header.recentFrom > counters.uidNext)
    say('first recent UID', header.recentFrom, `UIDNEXT is ${counters.uidNext}`);
  let latest = 0;
  for (let at = 0; at < columns.count; at += 1) latest = Math.max(latest, columns.modseq(at));
  if (header.highestModSeq < latest) say('HIGHESTMODSEQ', header.highestModSeq, `a message has ${latest}`);
  if (header.highestModSeq > q) say('HIGHESTMODSEQ', header.highestModSeq, `the last record is ${q}`);
  return problems;
}

/** Where the account's own numbers and those of its mailboxes are at odds, each as a sentence. */
export function accountMiscounts(state: AccountState): string[] {
  const problems: string[] = [];
  const sums = sumsOf(state);
  for (const what of ['octets', 'messages'] as const)
    if (state[what] !== sums[what]) problems.push(`${what} in use: ${state[what]} kept, ${sums[what]} counted`);
  if (state.uidValidity < sums.uidValidity)
    problems.push(`highest UIDVALIDITY: ${state.uidValidity} kept, a mailbox has ${sums.uidValidity}`);
  return problems;
}

/** What the headers add up to, and the highest UIDVALIDITY among them. */
export function sumsOf(state: AccountState): Readonly<Record<'octets' | 'messages' | 'uidValidity', number>> {
  const sums = { octets: 0, messages: 0, uidValidity: 0 };
  for (const { octets, messages, uidValidity } of state.mailboxes.values()) {
    sums.octets += octets;
    sums.messages += messages;
    sums.uidValidity = Math.max(sums.uidValidity, uidValidity);
  }
  for (const { header } of state.removed.values()) sums.uidValidity = Math.max(sums.uidValidity, header.uidValidity);
  return sums;
}

function lastUid(columns: Columns): number {
  return columns.count === 0 ? 0 : columns.uid(columns.count - 1);
}
