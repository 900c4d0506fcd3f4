/** A point in time with the zone it was written in: IMAP's dates keep theirs (RFC 3501 section 2.3.3). */
export interface ZonedTime {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly at: number;
  /** Minutes east of Greenwich. */
  readonly zoneMinutes: number;
}
