import { randomBytes } from 'node:crypto';
import type { Database } from '../../lib/db/index.ts';
import { SystemFlag } from '../../lib/journal/index.ts';
import { toMailError } from '../../lib/kernel/errors.ts';
import { newAccountId, type AccountId } from '../../lib/kernel/ids.ts';
import { ReplicaSet } from '../support/cluster/replica-set.ts';
import type { FaultCase } from './fault-cases.ts';
import { Look } from './fault-look.ts';
import { inMailbox, NO_KEYWORDS, viewOf, type Operation } from './fault-operations.ts';
import type { Invariant, RunResult } from './fault-results.ts';
import { append, openClusterDatabase, openNode, type Node } from './node.ts';
import { messageWithAttachment, plainMessage } from './tour.ts';

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
