import type { Change, JournalRecord } from './changes.ts';

/** The command that records stand for, in a word; `group` for several of them in one insert. For crash points. */
export function kindOfRecords(records: readonly JournalRecord[]): string {
  const [record] = records;
  if (record === undefined || records.length > 1) return 'group';
  const kinds = new Set<Change['kind']>(record.changes.map(({ kind }) => kind));
  const append = record.changes.find((change) => change.kind === 'append');
  if (append?.origin === 'copy') return kinds.has('expunge') ? 'move' : 'copy';
  if (append !== undefined) return append.origin;
  // The most telling first: an account's first record creates mailboxes, a rename their parents.
  const telling = (['init', 'close', 'rename', 'remove', 'create', 'expunge', 'flags', 'sweep'] as const).find((kind) =>
    kinds.has(kind),
  );
  return telling ?? record.changes[0]?.kind ?? 'none';
}
