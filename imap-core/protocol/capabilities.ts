/** What decides whether a capability is announced at a moment. */
export interface CapabilityContext {
  readonly isAuthenticated: boolean;
  readonly isSecure: boolean;
  /** TLS could be started. */
  readonly hasTls: boolean;
  /** A password may travel on this connection as it is. */
  readonly isLoginAllowed: boolean;
  /** Octets. */
  readonly appendLimit: number;
}

interface CapabilityRow {
  readonly name: string;
  readonly rfc: number;
  readonly isAnnounced: (context: CapabilityContext) => boolean;
  /** True where ENABLE takes it (RFC 5161). */
  readonly isEnabled?: true;
  /** Goes behind the name with `=`. */
  readonly value?: (context: CapabilityContext) => string;
}

const always = (): boolean => true;
const afterLogin = (context: CapabilityContext): boolean => context.isAuthenticated;
const beforeLogin = (context: CapabilityContext): boolean => !context.isAuthenticated;

/**
 * Every capability, in the order it is announced. Greeting, CAPABILITY, the code after log-in and ENABLE read this
 * table; a test asks for a transcript of each row.
 */
export const CAPABILITIES = [
  { name: 'IMAP4rev1', rfc: 3501, isAnnounced: always },
  { name: 'LITERAL-', rfc: 7888, isAnnounced: always },
  { name: 'SASL-IR', rfc: 4959, isAnnounced: beforeLogin },
  { name: 'ID', rfc: 2971, isAnnounced: always },
  { name: 'ENABLE', rfc: 5161, isAnnounced: always },
  { name: 'STARTTLS', rfc: 3501, isAnnounced: (c) => beforeLogin(c) && c.hasTls && !c.isSecure },
  { name: 'AUTH=PLAIN', rfc: 4616, isAnnounced: (c) => beforeLogin(c) && c.isLoginAllowed },
  { name: 'LOGINDISABLED', rfc: 3501, isAnnounced: (c) => beforeLogin(c) && !c.isLoginAllowed },
  { name: 'IDLE', rfc: 2177, isAnnounced: afterLogin },
  { name: 'NAMESPACE', rfc: 2342, isAnnounced: afterLogin },
  { name: 'CHILDREN', rfc: 3348, isAnnounced: afterLogin },
  { name: 'UNSELECT', rfc: 3691, isAnnounced: afterLogin },
  { name: 'UIDPLUS', rfc: 4315, isAnnounced: afterLogin },
  { name: 'MOVE', rfc: 6851, isAnnounced: afterLogin },
  { name: 'SPECIAL-USE', rfc: 6154, isAnnounced: afterLogin },
  { name: 'CREATE-SPECIAL-USE', rfc: 6154, isAnnounced: afterLogin },
  { name: 'LIST-EXTENDED', rfc: 5258, isAnnounced: afterLogin },
  { name: 'LIST-STATUS', rfc: 5819, isAnnounced: afterLogin },
  { name: 'CONDSTORE', rfc: 7162, isAnnounced: afterLogin, isEnabled: true },
  { name: 'ESEARCH', rfc: 4731, isAnnounced: afterLogin },
  { name: 'APPENDLIMIT', rfc: 7889, isAnnounced: afterLogin, value: (c) => String(c.appendLimit) },
] as const satisfies readonly CapabilityRow[];

/** What ENABLE may turn on. */
export type EnableName = Extract<(typeof CAPABILITIES)[number], { readonly isEnabled: true }>['name'];

const ROWS: readonly CapabilityRow[] = CAPABILITIES;
const ENABLE_NAMES: ReadonlySet<string> = new Set(ROWS.filter((row) => row.isEnabled).map((row) => row.name));

/** Names separated by spaces, as in `* CAPABILITY …` and in the response code. */
export function capabilityText(context: CapabilityContext): string {
  return ROWS.filter((row) => row.isAnnounced(context))
    .map((row) => (row.value === undefined ? row.name : `${row.name}=${row.value(context)}`))
    .join(' ');
}

export function isEnableName(name: string): name is EnableName {
  return ENABLE_NAMES.has(name);
}
