const KIB = 1024;
const MIB = 1024 * KIB;

/** What one client may ask of the server. Octets, milliseconds, or a number of things. */
export interface ImapLimits {
  /** All lines of a command without its literals. */
  readonly lineOctetsBeforeLogin: number;
  readonly lineOctets: number;
  /** Lines and literals of a command together; past it BYE. */
  readonly commandOctetsBeforeLogin: number;
  readonly literalsBeforeLogin: number;
  /** Of a command other than APPEND. */
  readonly literals: number;
  readonly literalOctets: number;
  /** Answered with BAD; the next one with BYE. After log-in a good command starts the count anew. */
  readonly badCommandsBeforeLogin: number;
  readonly badCommands: number;
  /** Connections without a log-in. */
  readonly unauthenticatedPerAddress: number;
  readonly unauthenticated: number;
  /** Output that waits for a client: pauses whoever produces it; closes the connection. */
  readonly outputPauseOctets: number;
  readonly outputCloseOctets: number;
  /** As `outputPauseOctets`, while the octets of a message are sent: the pause costs nothing there. */
  readonly outputStreamOctets: number;
  /** From connecting to being logged in. */
  readonly loginMs: number;
  /** Without a command or an octet from the client; RFC 3501 section 5.4 asks for 30 minutes at least. */
  readonly idleMs: number;
  /** A client that is waited for takes no octet of its output. */
  readonly stallMs: number;
  readonly searchMs: number;
}

export const DEFAULT_IMAP_LIMITS: ImapLimits = {
  lineOctetsBeforeLogin: 8 * KIB,
  lineOctets: 64 * KIB,
  commandOctetsBeforeLogin: 8 * KIB,
  literalsBeforeLogin: 4,
  literals: 64,
  literalOctets: MIB,
  badCommandsBeforeLogin: 5,
  badCommands: 20,
  unauthenticatedPerAddress: 10,
  unauthenticated: 1000,
  outputPauseOctets: 8 * MIB,
  outputCloseOctets: 32 * MIB,
  outputStreamOctets: 512 * KIB,
  loginMs: 30_000,
  idleMs: 30 * 60_000,
  stallMs: 5 * 60_000,
  searchMs: 10_000,
};
