import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keptBackups, type RetentionRules } from '../../lib/backup/retention.ts';

const NONE: RetentionRules = { last: 0, daily: 0, weekly: 0, monthly: 0 };
const DAYS = ['2026-01-30T02', '2026-01-30T14', '2026-01-31T02', '2026-02-01T02', '2026-02-02T02', '2026-02-09T02'];
const BACKUPS = DAYS.map((id) => ({ id, startedAt: Date.parse(`${id}:00:00Z`) }));

const cases: readonly [string, Partial<RetentionRules>, readonly string[]][] = [
  ['the newest whatever the rules', {}, ['2026-02-09T02']],
  ['the last three', { last: 3 }, ['2026-02-01T02', '2026-02-02T02', '2026-02-09T02']],
  ['more than there are', { last: 100 }, DAYS],
  ['the newest of each of five days with any', { daily: 5 }, DAYS.slice(1)],
  // 2026-02-01 is a Sunday: it ends the week of the 30th.
  ['the newest of each week', { weekly: 9 }, ['2026-02-01T02', '2026-02-02T02', '2026-02-09T02']],
  ['the newest of each month', { monthly: 2 }, ['2026-01-31T02', '2026-02-09T02']],
  ['what any rule keeps', { last: 2, monthly: 2 }, ['2026-01-31T02', '2026-02-02T02', '2026-02-09T02']],
];

describe('retention keeps', () => {
  for (const [title, rules, expected] of cases)
    it(title, () => {
      for (const order of [BACKUPS, BACKUPS.toReversed()])
        assert.deepEqual([...keptBackups(order, { ...NONE, ...rules })].sort(), expected);
    });
});
