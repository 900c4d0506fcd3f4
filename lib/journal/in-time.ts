import type { Clock } from '../kernel/clock.ts';
import { MailError } from '../kernel/errors.ts';

/**
 * As the work ends, or as `late` says where that is not before the deadline (monotonic milliseconds). The work then
 * goes on, and nobody hears how it ends.
 */
export async function orLate<T>(work: Promise<T>, deadline: number, clock: Clock, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(1, deadline - clock.monotonic()));
  });
  try {
    const ended = await Promise.race([work.then((value) => ({ value })), over]);
    return ended === undefined ? late() : ended.value;
  } finally {
    clearTimeout(timer);
  }
}

/** As `orLate`, for work without which nothing can be done. @throws MailError `unavailable` */
export function inTime<T>(work: Promise<T>, deadline: number, clock: Clock): Promise<T> {
  return orLate(work, deadline, clock, () => {
    throw tooLate();
  });
}

export function tooLate(): MailError {
  return new MailError('unavailable', 'Storage takes too long at the moment, please try again', { retryAfterMs: 5000 });
}
