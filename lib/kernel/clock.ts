/** Where time comes from; tests hand in one that they move. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
  /** Milliseconds from an arbitrary start that never go backwards; for spans and deadlines. */
  monotonic(): number;
}

export const systemClock: Clock = {
  // eslint-disable-next-line no-restricted-syntax -- the one place where the machine's time is read
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** A point in time with the zone it was written in: IMAP dates keep theirs (RFC 3501 section 2.3.3). */
export interface ZonedTime {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly at: number;
  /** Minutes east of Greenwich. */
  readonly zoneMinutes: number;
}
