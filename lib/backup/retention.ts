/** Which backups are kept: each rule keeps some, and what no rule keeps goes. */
export interface RetentionRules {
  /** The newest ones. */
  readonly last: number;
  /** The newest of each of so many days, weeks (from Monday) and months in which there is one; all in UTC. */
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
}

interface DatedBackup {
  /** Ids are in order of time. */
  readonly id: string;
  readonly startedAt: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** 1970-01-01 was a Thursday. */
const FIRST_MONDAY_DAYS = 3;

const PERIODS: readonly {
  readonly rule: 'daily' | 'weekly' | 'monthly';
  readonly periodOf: (at: number) => number;
}[] = [
  { rule: 'daily', periodOf: (at) => Math.floor(at / DAY_MS) },
  { rule: 'weekly', periodOf: (at) => Math.floor((Math.floor(at / DAY_MS) + FIRST_MONDAY_DAYS) / 7) },
  { rule: 'monthly', periodOf: (at) => new Date(at).getUTCFullYear() * 12 + new Date(at).getUTCMonth() },
];

/** The ids of the backups that the rules keep; the newest one is always among them. */
export function keptBackups(backups: readonly DatedBackup[], rules: RetentionRules): ReadonlySet<string> {
  const newestFirst = [...backups].sort((one, other) => (one.id < other.id ? 1 : -1));
  const kept = new Set(newestFirst.slice(0, Math.max(1, rules.last)).map(({ id }) => id));
  for (const { rule, periodOf } of PERIODS) {
    const periods = new Set<number>();
    for (const { id, startedAt } of newestFirst) {
      const period = periodOf(startedAt);
      if (periods.has(period)) continue;
      if (periods.size === rules[rule]) break;
      periods.add(period);
      kept.add(id);
    }
  }
  return kept;
}
