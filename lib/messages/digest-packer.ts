import { setImmediate } from 'node:timers/promises';
import type { AccountId, MailboxId, MessageId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import { DIGEST_FIELDS, DigestPack, packDigests, PACK_UIDS, type PackEntry, type StoredPack } from './digest-pack.ts';
import type { DigestPacksCollection } from './digest-packs-collection.ts';
import type { MessageCollection } from './message-collection.ts';
import type { DigestPlace, DigestRow, FoldedPlace } from './messages.ts';
import { readDigests } from './read-digests.ts';
import type { Renderings } from './renderings.ts';

/** Fewer neighbours are as well read one by one. */
export const LEAST_PACKED = 8;

/** Packs that may wait to be written; of more the readers bring the rest when they come by. */
const MOST_WAITING = 4096;
/** As MOST_WAITING, for those that wait with their digests. */
const MOST_KEPT = 8;

export interface DigestPackerParts {
  readonly messages: MessageCollection;
  readonly packs: DigestPacksCollection;
  readonly renderings: Renderings;
  readonly logger: Logger;
}

interface Job {
  readonly account: AccountId;
  readonly place: DigestPlace;
  readonly block: number;
  /** Where a reader had them at hand. */
  entries: readonly PackEntry[] | undefined;
}

/** Writes packs in the background, one after another. What does not come to pass costs readers time, nothing else. */
export class DigestPacker {
  readonly #parts: DigestPackerParts;
  readonly #waiting = new Map<string, Job>();
  readonly #forgotten: { readonly account: AccountId; readonly mailbox: MailboxId }[] = [];
  #kept = 0;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(parts: DigestPackerParts) {
    this.#parts = parts;
  }

  /** The pack is missing, or lacks messages. @param entries what it will hold, where that is at hand */
  offer(account: AccountId, place: DigestPlace, block: number, entries?: readonly PackEntry[]): void {
    const key = `${account}${place.mailbox}${block}`;
    const known = this.#waiting.get(key);
    if (this.#isClosed || (known === undefined && this.#waiting.size >= MOST_WAITING)) return;
    const isKept = entries !== undefined && known?.entries === undefined && this.#kept < MOST_KEPT;
    if (isKept) this.#kept += 1;
    if (known === undefined) this.#waiting.set(key, { account, place, block, entries: isKept ? entries : undefined });
    else if (isKept) known.entries = entries;
    this.#start();
  }

  /** Packs what a fold has completed, and packs anew what has lost messages. */
  folded(account: AccountId, places: readonly FoldedPlace[], forgotten: readonly MailboxId[]): void {
    for (const place of places) for (const block of blocksOf(place)) this.offer(account, place, block);
    if (this.#isClosed) return;
    for (const mailbox of forgotten) this.#forgotten.push({ account, mailbox });
    if (forgotten.length > 0) this.#start();
  }

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Drops what waits. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.clear();
    this.#forgotten.length = 0;
    await this.#running;
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    // Whoever offered goes first: nothing of this is in a command's way.
    await setImmediate();
    for (;;) {
      const forgotten = this.#forgotten.shift();
      const [next] = forgotten === undefined ? this.#waiting : [];
      if (forgotten === undefined && next === undefined) return;
      try {
        if (forgotten !== undefined) await this.#parts.packs.removeAll(forgotten.account, forgotten.mailbox);
        if (next !== undefined) await this.#take(...next);
      } catch (error) {
        const account = forgotten?.account ?? next?.[1].account;
        this.#parts.logger.warn({ account, error: String(error) }, 'digests could not be packed');
      }
      await setImmediate();
    }
  }

  async #take(key: string, job: Job): Promise<void> {
    this.#waiting.delete(key);
    const { account, place, block, entries } = job;
    if (entries !== undefined) {
      this.#kept -= 1;
      await this.#write(account, place, block, entries);
      return;
    }
    const rows = place.rows(block * PACK_UIDS, block * PACK_UIDS + PACK_UIDS - 1);
    if (rows === undefined) return;
    const { packs, renderings } = this.#parts;
    if (rows.length < LEAST_PACKED) {
      await packs.remove(account, place.mailbox, [block]);
      return;
    }
    const stored = (await packs.read(account, place.mailbox, [block], DIGEST_FIELDS)).get(block);
    // A newer version's is left for those who made it.
    if (stored !== undefined && stored.version > renderings.version) return;
    const standing = stored?.version === renderings.version ? openPack(stored) : undefined;
    const found = rows.map((row) => standing?.find(row));
    if (standing?.count === rows.length && !found.includes(undefined)) return;
    await this.#write(account, place, block, await this.#entries(account, rows, standing, found));
  }

  /** What stands in the pack already, and the others from their documents. */
  async #entries(
    account: AccountId,
    rows: readonly DigestRow[],
    standing: DigestPack | undefined,
    found: readonly (number | undefined)[],
  ): Promise<PackEntry[]> {
    const { messages, renderings } = this.#parts;
    const lacking = rows.filter((_, index) => found[index] === undefined).map(({ messageId }) => messageId);
    const digests = new Map<MessageId, PackEntry['digest']>();
    for await (const digest of readDigests(messages, renderings, account, lacking))
      if (digest !== undefined) digests.set(digest.messageId, digest);
    return rows.map(({ uid, messageId }, index) => {
      const at = found[index];
      return { uid, messageId, digest: at === undefined ? digests.get(messageId) : standing?.entry(at) };
    });
  }

  async #write(
    account: AccountId,
    { mailbox }: DigestPlace,
    block: number,
    entries: readonly PackEntry[],
  ): Promise<void> {
    const { packs, renderings } = this.#parts;
    await packs.write({ account, mailbox, block }, await packDigests(entries, renderings.version));
  }
}

/** Undefined for a damaged one, which is as good as none. */
export function openPack(stored: StoredPack): DigestPack | undefined {
  try {
    return new DigestPack(stored);
  } catch {
    return undefined;
  }
}

/** Blocks that all of whose UIDs have been given, where the last of them were given just now or some have gone. */
function blocksOf({ uidNext, appendedFrom, expunged }: FoldedPlace): ReadonlySet<number> {
  const complete = Math.floor(uidNext / PACK_UIDS);
  const blocks = new Set<number>();
  for (const { from, to } of expunged) {
    const last = Math.min(complete - 1, Math.floor(to / PACK_UIDS));
    for (let block = Math.floor(from / PACK_UIDS); block <= last; block += 1) blocks.add(block);
  }
  for (let block = Math.floor(appendedFrom / PACK_UIDS); block < complete; block += 1) blocks.add(block);
  return blocks;
}
