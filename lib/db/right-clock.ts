import type { Clock } from '../kernel/clock.ts';
import { MailError } from '../kernel/errors.ts';
import type { Database } from './database.ts';
import { toTemporary } from './write-outcome.ts';

/** Far less than anything is kept, far more than clocks that are looked after are apart. */
const MOST_APART_MS = 60 * 60 * 1000;

/**
 * For work that removes what is old: by a clock that is far ahead everything is.
 * @throws MailError `unavailable` where this clock and that of the database are more than an hour apart
 */
export async function requireRightClock({ client }: Pick<Database, 'client'>, clock: Clock): Promise<void> {
  const before = clock.now();
  let localTime: unknown;
  try {
    ({ localTime } = await client.db('admin').command({ hello: 1 }));
  } catch (error) {
    throw toTemporary(error);
  }
  if (!(localTime instanceof Date)) return;
  const theirs = localTime.getTime();
  const apart = Math.max(before - theirs, theirs - clock.now(), 0);
  if (apart <= MOST_APART_MS) return;
  throw new MailError(
    'unavailable',
    `The clocks of this machine and of the database are ${Math.round(apart / 1000)} s apart: nothing is removed until they agree`,
  );
}
