import { defineSection } from '../kernel/section.ts';

const HOUR_MS = 3_600_000;

export const jobsSection = defineSection({
  name: 'jobs',
  doc: 'Work in the background, done by processes with the role worker, each part by one at a time.',
  settings: {
    lease: {
      type: 'duration',
      default: 60_000,
      min: 1000,
      max: 3_600_000,
      doc: 'How long the work of a process that died stays undone before another takes it over; clocks of nodes may differ by less than this.',
    },
    poll: {
      type: 'duration',
      default: 10_000,
      min: 50,
      max: 600_000,
      doc: 'How often a worker looks for work that is due; one small query.',
    },
    concurrency: {
      type: 'integer',
      default: 1,
      min: 1,
      max: 100,
      doc: 'Parts of jobs under way at a time in one process; mail clients come first.',
    },
    sweepInterval: {
      type: 'duration',
      default: 24 * HOUR_MS,
      min: 1000,
      doc: 'From one sweep of unreferenced messages and attachments to the next; each reads an index of all of them.',
    },
    scrubInterval: {
      type: 'duration',
      default: 30 * 24 * HOUR_MS,
      min: 1000,
      doc: 'From one reading of all message data, to find damage, to the next; it must find it while a backup from before still exists.',
    },
    tokenInterval: {
      type: 'duration',
      default: 6 * HOUR_MS,
      min: 1000,
      doc: 'From one removal of expired access tokens to the next; they are void before, this only makes room.',
    },
  },
});
