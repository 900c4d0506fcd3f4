import type { Clock } from '../kernel/clock.ts';
import { MailError } from '../kernel/errors.ts';
import type { Database } from './database.ts';
import { toTemporary } from './write-outcome.ts';

/** Far less than anything is kept, far more than clocks that are looked after are apart. */
const MOST_APART_MS = 60 * 60 * 1000;

/**
 * How far this clock and that of the database are apart at least, in milliseconds; 0 up to an hour, and for a database
 * that does not tell its time.
 * @throws MailError `unavailable`
 */
export async function clocksApart({ client }: Pick<Database, 'client'>, clock: Clock): Promise<number> {
  const before = clock.now();
  let localTime: unknown;
  try {
    ({ localTime } = await client.db('admin').command({ hello: 1 }));
  } catch (error) {
    throw toTemporary(error);
  }
  if (!(localTime instanceof Date)) return 0;
  const theirs = localTime.getTime();
  const apart = Math.max(before - theirs, theirs - clock.now(), 0);
  return apart > MOST_APART_MS ? apart : 0;
}

/**
 * For work that removes what is old: by a clock that is far ahead everything is.
 * @throws MailError `unavailable` also where this clock and that of the database are more than an hour apart
 */
export async function requireRightClock(database: Pick<Database, 'client'>, clock: Clock): Promise<void> {
  const apart = await clocksApart(database, clock);
  if (apart === 0) return;
  throw new MailError(
    'unavailable',
    `The clocks of this machine and of the database are ${Math.round(apart / 1000)} s apart: nothing is removed until they agree`,
  );
}
