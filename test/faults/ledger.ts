/** The invariants of the promises, by number; see docs/testing.md. */
export const INVARIANTS = [
  'I1',
  'I2',
  'I3',
  'I4',
  'I5',
  'I6',
  'I7',
  'I8',
  'I9',
  'I10',
  'I11',
  'I12',
  'I13',
  'I14',
  'I15',
] as const;
export type Invariant = (typeof INVARIANTS)[number];

/** Checks made and broken promises found, by invariant. */
export class Checks {
  readonly made = new Map<Invariant, number>();
  readonly broken: { readonly invariant: Invariant; readonly what: string }[] = [];

  /** @param what names the breach; made only where there is one */
  that(invariant: Invariant, holds: boolean, what: () => string): void {
    this.made.set(invariant, (this.made.get(invariant) ?? 0) + 1);
    if (!holds) this.broken.push({ invariant, what: what() });
  }
}

/** `unknown`: nobody said, and nobody may assume. */
export type Outcome = 'acknowledged' | 'refused' | 'unknown';

/** Where one copy of a message lies; flags in order, without `\Recent`. */
export interface Copy {
  readonly mailbox: string;
  readonly flags: string;
}

/** A message that the load has made, and where it must be. */
export interface TrackedMessage {
  readonly id: string;
  readonly octets: Buffer;
  /** Delivered ones get trace fields before their octets. */
  readonly isDelivered: boolean;
  copies: readonly Copy[];
  /** After an operation whose outcome is unknown: it is as `copies` says, or as this says; all of a group alike. */
  doubt: { readonly group: number; readonly copies: readonly Copy[] } | undefined;
}

export interface LedgerEntry {
  readonly lane: number;
  readonly what: string;
  readonly outcome: Outcome;
  readonly reply: string;
}

/** Everything that was asked for and what was answered, and from it what must be there in the end. */
export class Ledger {
  readonly checks: Checks;
  readonly entries: LedgerEntry[] = [];
  readonly messages = new Map<string, TrackedMessage>();
  /** Mailboxes that the load made; false: deleted; undefined: nobody knows. */
  readonly mailboxes = new Map<string, boolean | undefined>();
  /** By UIDVALIDITY and UID: the one message that it names for ever. */
  readonly #sighted = new Map<string, string>();
  #groups = 0;

  constructor(checks: Checks) {
    this.checks = checks;
  }

  track(id: string, octets: Buffer, isDelivered: boolean): TrackedMessage {
    const message: TrackedMessage = { id, octets, isDelivered, copies: [], doubt: undefined };
    this.messages.set(id, message);
    return message;
  }

  /** Enters what was asked and answered. @param after where each of the messages is if it was carried out */
  enter(entry: LedgerEntry, after: ReadonlyMap<TrackedMessage, readonly Copy[]> = new Map()): void {
    this.entries.push(entry);
    if (entry.outcome === 'refused') return;
    this.#groups += 1;
    for (const [message, copies] of after) {
      if (entry.outcome === 'acknowledged') {
        message.copies = copies;
        message.doubt = undefined;
      } else message.doubt = { group: this.#groups, copies };
    }
  }

  /** Somebody saw the message under this UID (I4). */
  sight(uidValidity: number, uid: number, id: string): void {
    const key = `${String(uidValidity)}/${String(uid)}`;
    const known = this.#sighted.get(key);
    this.checks.that('I4', known === undefined || known === id, () => `UID ${key} was ${known ?? ''} and is ${id}`);
    this.#sighted.set(key, id);
  }

  count(outcome: Outcome): number {
    return this.entries.filter((entry) => entry.outcome === outcome).length;
  }

  /** Holds what is there against what must be: I1, I2 and I3. */
  compare(actual: ReadonlyMap<string, readonly Copy[]>): void {
    const groups = new Map<number, { before: string[]; after: string[] }>();
    for (const { id, copies, doubt } of this.messages.values()) {
      const found = textOf(actual.get(id) ?? []);
      const before = textOf(copies);
      if (doubt === undefined) {
        this.checks.that(
          copies.length > 0 ? 'I1' : 'I3',
          found === before,
          () => `${id} is ${found}, must be ${before}`,
        );
        continue;
      }
      const after = textOf(doubt.copies);
      const group = groups.get(doubt.group) ?? { before: [], after: [] };
      groups.set(doubt.group, group);
      this.checks.that(
        'I2',
        found === before || found === after,
        () => `${id} is ${found}, must be ${before} or ${after}`,
      );
      if (before !== after) (found === after ? group.after : group.before).push(id);
    }
    for (const { before, after } of groups.values())
      this.checks.that(
        'I2',
        before.length === 0 || after.length === 0,
        () => `half done: ${after.join()} but not ${before.join()}`,
      );
    for (const id of actual.keys())
      this.checks.that('I3', this.messages.has(id), () => `${id} is there, and nobody sent it`);
  }
}

function textOf(copies: readonly Copy[]): string {
  if (copies.length === 0) return 'nowhere';
  return copies
    .map(({ mailbox, flags }) => `${mailbox} (${flags})`)
    .sort()
    .join(' + ');
}

/** Flags as the ledger compares them. */
export function flagsText(flags: Iterable<string>): string {
  return [...new Set(flags)]
    .filter((flag) => flag !== '\\Recent')
    .sort()
    .join(' ');
}
