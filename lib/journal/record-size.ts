import type { JournalRecord } from './changes.ts';

/** Octets that a record takes in the journal, by estimate. */
export function recordOctets(record: JournalRecord): number {
  let sum = 100;
  for (const change of record.changes) {
    sum += 120;
    if (change.kind === 'append') sum += change.rows.length * 56;
    else if (change.kind === 'flags' || change.kind === 'expunge') sum += change.uids.length * 4;
    else if (change.kind === 'sweep') sum += change.messageIds.length * 16;
    else if (change.kind === 'create') sum += change.path.length * 2;
  }
  return sum;
}
