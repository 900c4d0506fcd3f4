import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Database } from '../../lib/db/index.ts';
import { SystemFlag } from '../../lib/journal/index.ts';
import { toMailError } from '../../lib/kernel/errors.ts';
import { newAccountId, type AccountId } from '../../lib/kernel/ids.ts';
import { ReplicaSet, type Fault } from '../support/cluster/replica-set.ts';
import { append, deliver, openClusterDatabase, openNode, type Node } from './node.ts';
import { messageWithAttachment, plainMessage } from './tour.ts';

/** A fault at one command of an operation, or at several one after the other, so that the driver's own retry meets it too. */
export interface FaultCase {
  readonly name: string;
  readonly fault: Fault;
  readonly times: number;
}

const RETRIED: readonly Fault[] = [
  { kind: 'error', code: 10107, at: 'before' },
  { kind: 'error', code: 11602, at: 'before' },
  { kind: 'error', code: 91, at: 'before' },
  { kind: 'error', code: 189, at: 'before' },
  { kind: 'error', code: 10107, at: 'kept' },
  { kind: 'error', code: 11602, at: 'rolled-back' },
  { kind: 'cut', at: 'before' },
  { kind: 'cut', at: 'after' },
  { kind: 'concern-timeout', fate: 'kept' },
  { kind: 'concern-timeout', fate: 'rolled-back' },
  { kind: 'silence', at: 'after' },
  { kind: 'step-down', at: 'before' },
  { kind: 'step-down', at: 'kept' },
  { kind: 'step-down', at: 'rolled-back' },
  { kind: 'kill', at: 'before' },
  { kind: 'kill', at: 'kept' },
  { kind: 'kill', at: 'rolled-back' },
];
/** Three times are one more than the driver tries. */
const PERSISTENT: readonly Fault[] = [
  { kind: 'error', code: 11602, at: 'before' },
  { kind: 'error', code: 189, at: 'rolled-back' },
  { kind: 'cut', at: 'before' },
  { kind: 'cut', at: 'after' },
  { kind: 'concern-timeout', fate: 'rolled-back' },
  { kind: 'step-down', at: 'rolled-back' },
  { kind: 'kill', at: 'rolled-back' },
];

const nameOf = (fault: Fault): string =>
  [fault.kind, 'code' in fault ? fault.code : '', 'at' in fault ? fault.at : fault.fate].filter(Boolean).join(' ');

export const FAULTS: readonly FaultCase[] = [
  ...RETRIED.map((fault) => ({ name: nameOf(fault), fault, times: 1 })),
  ...PERSISTENT.map((fault) => ({ name: `${nameOf(fault)}, 3 times`, fault, times: 3 })),
];

interface Row {
  readonly uid: number;
  readonly messageId: string;
  readonly flags: number;
}

/** What a mail program could see of an account. */
type View = ReadonlyMap<
  string,
  { readonly uidValidity: number; readonly uidNext: number; readonly rows: readonly Row[] }
>;

const EVERYTHING = [{ from: 1, to: 0xffffffff }];

async function viewOf({ mailboxes }: Node, account: AccountId): Promise<View> {
  const view = new Map<string, { uidValidity: number; uidNext: number; rows: Row[] }>();
  for (const { id, path, isNoselect } of await mailboxes.list(account)) {
    if (isNoselect) continue;
    const opened = await mailboxes.open(account, id, { isReadOnly: true });
    const { uidValidity, uidNext } = opened.info();
    const rows = [...opened.rows(EVERYTHING)].map(({ uid, messageId, flags }) => ({
      uid,
      messageId,
      flags: flags.system,
    }));
    view.set(path, { uidValidity, uidNext, rows });
    opened.close();
  }
  return view;
}

const count = (view: View, path: string): number => view.get(path)?.rows.length ?? -1;

interface Operation {
  readonly name: string;
  /** @throws MailError */
  readonly run: (node: Node, account: AccountId, marker: string) => Promise<unknown>;
  /** Whether the view is what the operation leads to. */
  readonly isDone: (after: View, before: View) => boolean;
  /** What a client does again after an unknown outcome must leave one message. */
  readonly isRepeatable?: true;
}

async function inMailbox<T>(
  node: Node,
  account: AccountId,
  path: string,
  run: (opened: Awaited<ReturnType<Node['mailboxes']['open']>>) => Promise<T>,
): Promise<T> {
  const opened = await node.mailboxes.open(account, { path });
  try {
    return await run(opened);
  } finally {
    opened.close();
  }
}

const grew = (path: string, by: number) => (after: View, before: View) =>
  count(after, path) === count(before, path) + by;
const NO_KEYWORDS: readonly string[] = [];

/** Setup leaves INBOX with three messages, the second `\Deleted`, the third with an attachment. */
export const OPERATIONS: readonly Operation[] = [
  {
    name: 'deliver',
    isRepeatable: true,
    run: async (node, account, marker) => {
      const outcome = await deliver(node, account, plainMessage(marker));
      if (outcome.kind === 'failed') throw outcome.error;
    },
    isDone: grew('INBOX', 1),
  },
  {
    name: 'upload',
    isRepeatable: true,
    run: async (node, account, marker) => {
      const outcome = await deliver(node, account, messageWithAttachment(marker, 600_000 + (marker.charCodeAt(0) % 7)));
      if (outcome.kind === 'failed') throw outcome.error;
    },
    isDone: grew('INBOX', 1),
  },
  {
    name: 'APPEND',
    run: (node, account, marker) => append(node, account, 'INBOX', plainMessage(marker)),
    isDone: grew('INBOX', 1),
  },
  {
    name: 'COPY',
    run: (node, account) =>
      inMailbox(node, account, 'INBOX', (box) => box.copy([{ from: 1, to: 2 }], { path: 'Trash' })),
    isDone: grew('Trash', 2),
  },
  {
    name: 'MOVE',
    run: (node, account) =>
      inMailbox(node, account, 'INBOX', (box) => box.move([{ from: 1, to: 2 }], { path: 'Trash' })),
    isDone: (after, before) => grew('Trash', 2)(after, before) && grew('INBOX', -2)(after, before),
  },
  {
    name: 'EXPUNGE',
    run: (node, account) => inMailbox(node, account, 'INBOX', (box) => box.expunge(undefined)),
    isDone: grew('INBOX', -1),
  },
  {
    name: 'STORE',
    run: (node, account) =>
      inMailbox(node, account, 'INBOX', (box) =>
        box.storeFlags(EVERYTHING, { mode: 'add', flags: { system: SystemFlag.seen, keywords: NO_KEYWORDS } }),
      ),
    isDone: (after) => after.get('INBOX')?.rows.every(({ flags }) => (flags & SystemFlag.seen) !== 0) === true,
  },
  {
    name: 'CREATE',
    run: ({ mailboxes }, account) => mailboxes.create(account, 'New/Child'),
    isDone: (after) => after.has('New') && after.has('New/Child'),
  },
  {
    name: 'RENAME',
    run: ({ mailboxes }, account) => mailboxes.rename(account, 'Sent', 'Post'),
    isDone: (after) => after.has('Post') && !after.has('Sent'),
  },
  {
    name: 'DELETE',
    run: ({ mailboxes }, account) => mailboxes.remove(account, 'Trash'),
    isDone: (after) => !after.has('Trash'),
  },
  { name: 'fold', run: ({ mailboxes }, account) => mailboxes.fold(account), isDone: isDeepStrictEqual },
  { name: 'sweep', run: ({ sweep }) => sweep.run({ olderThanMs: 0, graceMs: 0 }), isDone: isDeepStrictEqual },
];

export const INVARIANTS = ['I1', 'I2', 'I3', 'I4', 'I6', 'I7', 'I8', 'I9', 'I12'] as const;
export type Invariant = (typeof INVARIANTS)[number];

export interface RunResult {
  readonly fault: string;
  readonly operation: string;
  readonly position: number;
  readonly outcome: 'acknowledged' | 'refused' | 'unknown';
  readonly checked: readonly Invariant[];
  readonly violations: readonly string[];
}

/** One replica set with two processes on it: one that meets faults, and one that looks afterwards, and at first. */
export class FaultLane {
  readonly set: ReplicaSet;
  readonly #struck: Database;
  readonly #calm: Database;

  private constructor(set: ReplicaSet, struck: Database, calm: Database) {
    this.set = set;
    this.#struck = struck;
    this.#calm = calm;
  }

  static async open(): Promise<FaultLane> {
    const set = await ReplicaSet.start();
    const [struck, calm] = await Promise.all([
      openClusterDatabase(set.uri),
      openClusterDatabase(set.uri, { answerMs: 5000 }),
    ]);
    return new FaultLane(set, struck, calm);
  }

  async close(): Promise<void> {
    await this.#struck.close();
    await this.#calm.close();
    await this.set.close();
  }

  /** How many commands the operation takes where nothing goes wrong: positions that a fault can have. */
  async lengthOf(operation: Operation): Promise<number> {
    let seen = 0;
    await this.#withNodes(async (struck, calm) => {
      const account = await prepare(calm);
      this.set.onCommand = () => {
        seen += 1;
        return undefined;
      };
      await operation.run(struck, account, 'measured');
      this.set.onCommand = () => undefined;
    });
    return seen;
  }

  async run(operation: Operation, { name, fault, times }: FaultCase, position: number): Promise<RunResult> {
    return this.#withNodes(async (struck, calm) => {
      const account = await prepare(calm);
      const before = await viewOf(calm, account);
      const marker = randomBytes(6).toString('hex');
      let seen = 0;
      this.set.onCommand = () => {
        seen += 1;
        return seen > position && seen <= position + times ? fault : undefined;
      };
      const violations: string[] = [];
      const checked = new Set<Invariant>();
      const outcome = await outcomeOf(() => operation.run(struck, account, marker), checked, violations);
      this.set.onCommand = () => undefined;
      await this.set.settled();
      const look = new Look(calm, account, before, checked, violations);
      await look.atOutcome(operation, outcome);
      if (operation.isRepeatable === true) await look.atRetry(() => operation.run(struck, account, marker), operation);
      await look.atWhole(struck);
      await look.atGarbage();
      return { fault: name, operation: operation.name, position, outcome, checked: [...checked], violations };
    });
  }

  /** Nodes of their own for each run: nothing is known beforehand, and nothing is left over. */
  async #withNodes<T>(run: (struck: Node, calm: Node) => Promise<T>): Promise<T> {
    const [struck, calm] = await Promise.all([openNode(this.#struck), openNode(this.#calm)]);
    try {
      return await run(struck, calm);
    } finally {
      this.set.onCommand = () => undefined;
      await Promise.all([struck.close(), calm.close()]);
      await this.#calm.db.dropDatabase();
    }
  }
}

async function prepare(node: Node): Promise<AccountId> {
  const account = newAccountId();
  await node.mailboxes.createAccount(account, {
    quotaOctets: 0,
    mailboxes: ['INBOX', 'Sent', 'Trash'].map((path) => ({ path, subscribe: true })),
  });
  await append(node, account, 'INBOX', plainMessage('first'));
  await append(node, account, 'INBOX', plainMessage('second'));
  await append(node, account, 'INBOX', messageWithAttachment('third', 40_000));
  await append(node, account, 'Sent', plainMessage('sent'));
  await append(node, account, 'INBOX', plainMessage('to be swept'));
  await inMailbox(node, account, 'INBOX', async (box) => {
    const flags = { system: SystemFlag.deleted, keywords: NO_KEYWORDS };
    await box.expunge([{ from: 4, to: 4 }], { force: true });
    await box.storeFlags([{ from: 2, to: 2 }], { mode: 'add', flags });
  });
  return account;
}

async function outcomeOf(
  run: () => Promise<unknown>,
  checked: Set<Invariant>,
  violations: string[],
): Promise<RunResult['outcome']> {
  try {
    await run();
    return 'acknowledged';
  } catch (thrown) {
    checked.add('I12');
    const { code } = toMailError(thrown);
    if (code === 'outcome-unknown') return 'unknown';
    if (code !== 'unavailable') violations.push(`I12: ${code}: ${String(thrown)}`);
    return 'refused';
  }
}

/** Looks at an account by a process that has met no fault, and writes down what breaks a promise. */
class Look {
  readonly #node: Node;
  readonly #account: AccountId;
  readonly #before: View;
  readonly #checked: Set<Invariant>;
  readonly #violations: string[];

  constructor(node: Node, account: AccountId, before: View, checked: Set<Invariant>, violations: string[]) {
    this.#node = node;
    this.#account = account;
    this.#before = before;
    this.#checked = checked;
    this.#violations = violations;
  }

  #hold(invariant: Invariant, isHeld: boolean, what: string): void {
    this.#checked.add(invariant);
    if (!isHeld) this.#violations.push(`${invariant}: ${what}`);
  }

  async atOutcome({ isDone }: Operation, outcome: RunResult['outcome']): Promise<void> {
    const after = await viewOf(this.#node, this.#account);
    const done = isDone(after, this.#before);
    const isAsBefore = isDeepStrictEqual(after, this.#before);
    if (outcome === 'acknowledged') this.#hold('I1', done, 'what was acknowledged is not there');
    // Nothing but message data may be left of what was refused; uidNext too is as it was.
    else if (outcome === 'refused') this.#hold('I3', isAsBefore, 'what was refused left something');
    else this.#hold('I2', done || isAsBefore, 'what is unknown was done by halves');
    for (const [path, { uidValidity, uidNext, rows }] of this.#before) {
      const now = after.get(path);
      if (now === undefined) continue;
      const known = new Map(now.rows.map(({ uid, messageId }) => [uid, messageId]));
      const isSame = rows.every(({ uid, messageId }) => (known.get(uid) ?? messageId) === messageId);
      this.#hold('I4', now.uidValidity === uidValidity && now.uidNext >= uidNext && isSame, `UIDs of ${path} changed`);
    }
  }

  /** An MTA that heard nothing, or no, delivers again. */
  async atRetry(run: () => Promise<unknown>, { isDone }: Operation): Promise<void> {
    try {
      await run();
      const after = await viewOf(this.#node, this.#account);
      this.#hold(
        'I2',
        isDone(after, this.#before),
        `${String(count(after, 'INBOX') - count(this.#before, 'INBOX'))} copies`,
      );
    } catch (error) {
      this.#hold('I2', false, `the retry failed: ${String(error)}`);
    }
  }

  async atWhole(struck: Node): Promise<void> {
    const { mailboxes, messages } = this.#node;
    const lacking = await mailboxes.check(this.#account);
    const mine = await viewOf(this.#node, this.#account);
    const theirs = await viewOf(struck, this.#account);
    this.#hold('I6', lacking.length === 0 && isDeepStrictEqual(mine, theirs), `the journal: ${lacking.join()}`);
    const usage = await mailboxes.usage(this.#account);
    let octets = 0;
    let live = 0;
    for (const { path, isNoselect } of await mailboxes.list(this.#account)) {
      if (isNoselect) continue;
      await inMailbox(this.#node, this.#account, path, async (box) => {
        const info = box.info();
        const rows = [...box.rows(EVERYTHING)];
        const unseen = rows.filter(({ flags }) => (flags.system & SystemFlag.seen) === 0).length;
        const deleted = rows.filter(({ flags }) => (flags.system & SystemFlag.deleted) !== 0).length;
        this.#hold('I7', info.messages === rows.length && info.unseen === unseen && info.deleted === deleted, path);
        octets += rows.reduce((sum, { size }) => sum + size, 0);
        live += rows.length;
        for (const { messageId } of rows) {
          const problems = await messages.checkMessage(this.#account, messageId);
          this.#hold('I8', problems.length === 0, problems.map(({ detail }) => detail).join());
        }
      });
    }
    this.#hold('I7', usage.octets === octets && usage.messages === live, 'usage');
  }

  /** After two sweeps without delay only live messages are left, and these whole. */
  async atGarbage(): Promise<void> {
    const { sweep, messages } = this.#node;
    await sweep.run({ olderThanMs: 0, graceMs: 0 });
    const again = await sweep.run({ olderThanMs: 0, graceMs: 0 });
    this.#hold('I9', again.messages === 0, `a second sweep found ${String(again.messages)} messages`);
    for (const { rows } of (await viewOf(this.#node, this.#account)).values()) {
      for (const { messageId } of rows) {
        const problems = await messages.checkMessage(this.#account, messageId as never);
        this.#hold('I9', problems.length === 0, `swept too much: ${problems.map(({ detail }) => detail).join()}`);
      }
    }
  }
}

/** A line for each fault: how often it was run, what came of it, and of each invariant how often it was checked and held. */
export function tableOf(results: readonly RunResult[]): string[] {
  const lines = [
    `${'fault'.padEnd(38)} runs   ok refused unknown  ${INVARIANTS.map((name) => name.padStart(5)).join('')}`,
  ];
  for (const { name } of FAULTS) {
    const mine = results.filter(({ fault }) => fault === name);
    const of = (outcome: RunResult['outcome']): string => String(mine.filter((run) => run.outcome === outcome).length);
    const held = INVARIANTS.map((invariant) => {
      const checked = mine.filter((run) => run.checked.includes(invariant)).length;
      const broken = mine.filter((run) => run.violations.some((text) => text.startsWith(`${invariant}:`))).length;
      return (broken === 0 ? String(checked) : `${String(broken)}!`).padStart(5);
    });
    lines.push(
      `${name.padEnd(38)} ${String(mine.length).padStart(4)} ${of('acknowledged').padStart(4)} ${of('refused').padStart(7)} ` +
        `${of('unknown').padStart(7)}  ${held.join('')}`,
    );
  }
  return lines;
}
