import { defineSection, type SectionValues } from '../kernel/section.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Longer than the retry of a delivery may take to come (7 days). */
const SHORTEST_MEMORY_MS = 8 * DAY_MS;

export const journalSection = defineSection({
  name: 'journal',
  doc: 'Mailboxes: how commands are committed, written down and kept in memory.',
  settings: {
    commitTimeout: {
      type: 'duration',
      default: 15_000,
      min: 100,
      max: 120_000,
      doc: 'How long a command may wait for the database to say what became of it; well below what IMAP clients wait.',
    },
    maxKeywords: {
      type: 'integer',
      default: 100,
      min: 1,
      max: 1000,
      doc: 'Keywords of one mailbox that clients may make; past it no new one is offered or taken.',
    },
    cacheSize: {
      type: 'size',
      default: 128 * 1024 * 1024,
      min: 1024 * 1024,
      doc: 'Memory for accounts that nobody has open. 10,000 messages take about 1 MB.',
    },
    foldRecords: {
      type: 'integer',
      default: 256,
      min: 1,
      max: 10_000,
      doc: 'Records after which an account is written down anew, so that opening it reads few of them.',
    },
    foldSize: {
      type: 'size',
      default: 64 * 1024,
      min: 1024,
      max: 16 * 1024 * 1024,
      doc: 'As fold-records, but by the size of the records.',
    },
    retention: {
      type: 'duration',
      default: 30 * DAY_MS,
      min: SHORTEST_MEMORY_MS,
      doc: 'How long the journal is kept, so that mailboxes can be made again from it. A month reaches back past a long absence.',
    },
    undeleteWindow: {
      type: 'duration',
      default: 14 * DAY_MS,
      min: 0,
      doc: 'How long expunged messages can be brought back; they take room that long. Two weeks outlast a holiday.',
    },
    probeInterval: {
      type: 'duration',
      default: 60_000,
      min: 1000,
      max: 600_000,
      doc: 'Accounts with open sessions are looked at after half to all of this, in case a hint was lost.',
    },
  },
});

export type JournalSettings = SectionValues<typeof journalSection.settings>;

/** How long expunged messages, and their data, are remembered. */
export function tombstoneWindow({ undeleteWindow }: Pick<JournalSettings, 'undeleteWindow'>): number {
  return Math.max(undeleteWindow, SHORTEST_MEMORY_MS);
}
