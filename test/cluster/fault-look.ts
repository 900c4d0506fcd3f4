import { isDeepStrictEqual } from 'node:util';
import { SystemFlag } from '../../lib/journal/index.ts';
import type { AccountId } from '../../lib/kernel/ids.ts';
import { count, EVERYTHING, inMailbox, viewOf, type Operation, type View } from './fault-operations.ts';
import type { Invariant, RunResult } from './fault-results.ts';
import type { Node } from './node.ts';

/** Looks at an account by a process that has met no fault, and writes down what breaks a promise. */
export class Look {
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
