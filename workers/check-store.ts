import type { User } from '../lib/accounts/index.ts';
import { addressView, type Address } from '../lib/addresses/index.ts';
import type { MailboxInfo, OpenMailbox } from '../lib/journal/index.ts';
import { MailError } from '../lib/kernel/errors.ts';
import type { MessageId } from '../lib/kernel/ids.ts';
import type { Store } from './compose.ts';

/** Something that is not as it must be. */
export interface Damage {
  readonly user: string;
  /** '' where it is not about one mailbox. */
  readonly mailbox: string;
  readonly detail: string;
}

export interface CheckReport {
  users: number;
  mailboxes: number;
  messages: number;
}

const PAGE = 500;
const ALL = [{ from: 1, to: 0xffffffff }];

/**
 * Goes through all users: names and addresses lead to them and to nobody else, journals are whole and their counters are
 * what is counted, UIDs ascend, and every octet of every message can be read and is the one that came in.
 * @param onDamage called for each, as it is found
 * @param onRepair where it is given, what can be made again is, and told of; whether all is well then, another look tells
 * @throws MailError `unavailable` where the database is in trouble: that is no damage
 */
export async function checkStore(
  store: Store,
  onDamage: (damage: Damage) => void,
  onRepair?: (user: string, done: string) => void,
): Promise<CheckReport> {
  const report: CheckReport = { users: 0, mailboxes: 0, messages: 0 };
  for await (const user of allUsers(store)) {
    report.users += 1;
    const check = new AccountCheck(store, user, report, onDamage);
    await check.run();
    if (onRepair !== undefined) await check.repair(onRepair);
  }
  for await (const { address, user } of allAddresses(store)) {
    if ((await store.accounts.get(user)) !== undefined) continue;
    // A user who was made or removed while this went through is none.
    if ((await store.addresses.get(address))?.user !== user) continue;
    onDamage({ user, mailbox: '', detail: `the address ${address} leads to a user who is not there` });
    if (onRepair !== undefined && (await store.addresses.remove(address)))
      onRepair(user, `the address ${address} was removed`);
  }
  return report;
}

/** @returns why not, where what is there does not suffice */
async function whyImpossible(repair: Promise<unknown>): Promise<string | undefined> {
  try {
    await repair;
    return undefined;
  } catch (error) {
    if (!(error instanceof MailError) || !['unavailable', 'not-permitted'].includes(error.code)) throw error;
    return typeof error.cause === 'string' ? error.cause : error.message;
  }
}

async function* allAddresses({ addresses }: Store): AsyncIterable<Address> {
  let page = await addresses.list({ limit: PAGE });
  let after = '';
  while (page.length > 0) {
    yield* page;
    const last = addressView(page.at(-1)?.address ?? '');
    // A damaged row may say anything; the list must come to an end all the same.
    page = last === undefined || last <= after ? [] : await addresses.list({ limit: PAGE, after: last });
    after = last ?? after;
  }
}

async function* allUsers({ accounts }: Store): AsyncIterable<User> {
  let page = await accounts.list({ limit: PAGE });
  while (page.length > 0) {
    yield* page;
    const last = page.at(-1);
    page = last === undefined ? [] : await accounts.list({ limit: PAGE, after: last.id });
  }
}

class AccountCheck {
  readonly #store: Store;
  readonly #user: User;
  readonly #report: CheckReport;
  readonly #onDamage: (damage: Damage) => void;
  /** Message data that several mailboxes name is read once. */
  readonly #checked = new Map<MessageId, readonly string[]>();
  /** What the journal keeps is not what it says by itself. */
  #isOutOfStep = false;

  constructor(store: Store, user: User, report: CheckReport, onDamage: (damage: Damage) => void) {
    this.#store = store;
    this.#user = user;
    this.#report = report;
    this.#onDamage = onDamage;
  }

  async run(): Promise<void> {
    await this.#checkNames();
    const { mailboxes } = this.#store;
    const { account } = this.#user;
    const lacking = await mailboxes.check(account);
    for (const detail of lacking) this.#say('', detail);
    this.#isOutOfStep ||= lacking.length > 0;
    try {
      const infos = await mailboxes.list(account);
      if (!infos.some(({ path }) => path === 'INBOX')) this.#say('', 'there is no INBOX');
      for (const info of infos) {
        this.#report.mailboxes += 1;
        if (!info.isNoselect) await this.#checkMailbox(info, lacking.length > 0);
      }
    } catch (error) {
      // A journal that is known to lack something cannot be served.
      if (error instanceof MailError && error.code === 'unavailable' && lacking.length > 0) return;
      if (!(error instanceof MailError) || error.code !== 'user-not-found') throw error;
      this.#say('', 'the journal of the account is missing or closed');
    }
  }

  /** Makes again what can be of what was found damaged. */
  async repair(onRepair: (user: string, done: string) => void): Promise<void> {
    const { messages } = this.#store;
    const { account, username } = this.#user;
    if (this.#isOutOfStep && ((await this.#rebuild(onRepair)) || (await this.#remakeBase(onRepair))))
      await this.#recount(onRepair);
    for (const [messageId, problems] of this.#checked) {
      if (problems.length === 0) continue;
      for (const done of await messages.repairMessage(account, messageId)) onRepair(username, done);
    }
  }

  /** False where base or journal lack something; that was told as damage. */
  async #rebuild(onRepair: (user: string, done: string) => void): Promise<boolean> {
    const isDone = (await whyImpossible(this.#store.mailboxes.rebuild(this.#user.account))) === undefined;
    if (isDone) onRepair(this.#user.username, 'the mailboxes were made again of base and journal');
    return isDone;
  }

  /** Of rows that base, journal and head agree on. */
  async #recount(onRepair: (user: string, done: string) => void): Promise<void> {
    const recounting = this.#store.mailboxes.recount(this.#user.account);
    if ((await whyImpossible(recounting)) !== undefined) return;
    for (const wrong of await recounting) onRepair(this.#user.username, `counted anew: ${wrong}`);
  }

  /**
   * The other way round, where the head is whole; what it names and could not be read is left out of it then.
   * @returns false where that cannot be done, which is told as damage with the reason
   */
  async #remakeBase(onRepair: (user: string, done: string) => void): Promise<boolean> {
    const { mailboxes } = this.#store;
    const remaking = mailboxes.remakeBase(this.#user.account);
    const reason = await whyImpossible(remaking);
    if (reason !== undefined) {
      this.#say('', `nothing was made again: neither the head of base and journal nor the base of the head: ${reason}`);
      return false;
    }
    const { q, at, stoodAt, forgotten } = await remaking;
    const moment = at === undefined ? '' : ` of ${new Date(at).toISOString()}`;
    onRepair(this.#user.username, `the base was made anew of the head, at record ${String(q)}${moment}`);
    const before =
      `how the account was from record ${String(stoodAt)} up to then can be had of earlier backups alone, and what the ` +
      'journal said up to then and the head does not was given up';
    const undelete =
      forgotten.length === 0
        ? 'what was expunged can still be restored'
        : `not all that was expunged from ${forgotten.join(', ')} can be restored any more`;
    onRepair(this.#user.username, `lost with the old base: ${before}; ${undelete}`);
    if (forgotten.length > 0) await this.#rebuild(onRepair);
    return true;
  }

  async #checkNames(): Promise<void> {
    const { address, id, username } = this.#user;
    const named = await this.#store.accounts.findByUsername(username);
    if (named?.id !== id) this.#say('', `the user name leads to ${named === undefined ? 'nobody' : 'another user'}`);
    if (address === '') return;
    const found = await this.#store.addresses.get(address);
    if (found === undefined) this.#say('', `the main address ${address} is nobody's`);
    else if (found.user !== id) this.#say('', `the main address ${address} is another user's`);
  }

  /** @param isDamaged the journal is known to lack something, so that a mailbox which cannot be opened is no news */
  async #checkMailbox(info: MailboxInfo, isDamaged: boolean): Promise<void> {
    let opened: OpenMailbox;
    try {
      opened = await this.#store.mailboxes.open(this.#user.account, info.id, { isReadOnly: true });
    } catch (error) {
      if (!isDamaged || !(error instanceof MailError) || error.code !== 'unavailable') throw error;
      this.#say(info.path, 'it cannot be opened');
      return;
    }
    try {
      await this.#checkRows(opened);
    } finally {
      opened.close();
    }
  }

  async #checkRows(opened: OpenMailbox): Promise<void> {
    const { path } = opened.info();
    let last = 0;
    const rows = [...opened.rows(ALL)];
    for (const row of rows) {
      if (row.uid <= last) this.#say(path, `UID ${String(row.uid)} follows ${String(last)}`);
      last = row.uid;
    }
    for (const row of rows) {
      this.#report.messages += 1;
      for (const detail of await this.#checkMessage(row.messageId)) {
        this.#say(path, `UID ${String(row.uid)}, message ${row.messageId}: ${detail}`);
      }
    }
  }

  async #checkMessage(messageId: MessageId): Promise<readonly string[]> {
    const known = this.#checked.get(messageId);
    if (known !== undefined) return known;
    const problems = await this.#store.messages.checkMessage(this.#user.account, messageId);
    const details = problems.map(({ kind, detail }) => `${kind}: ${detail}`);
    this.#checked.set(messageId, details);
    return details;
  }

  #say(mailbox: string, detail: string): void {
    this.#onDamage({ user: this.#user.username, mailbox, detail });
  }
}
