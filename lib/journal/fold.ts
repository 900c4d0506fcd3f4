import type { Clock } from '../kernel/clock.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import { MailError } from '../kernel/errors.ts';
import type { MailboxId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { AccountLog } from './account-log.ts';
import { NO_CHECKPOINT, NO_SEGMENTS, type Checkpoint, type MailboxSegments } from './checkpoint.ts';
import { namedSegments } from './named-segments.ts';
import { changedMailboxes, planFold } from './fold-plan.ts';
import { describeFold, type Folded } from './folded-mailboxes.ts';
import type { SegmentKey } from './journal-store.ts';
import { isMissing, loadColumns } from './load-columns.ts';
import { tombstoneWindow, type JournalSettings } from './settings.ts';
import type { TombstoneList } from './tombstones.ts';
import { readTombstones } from './vanished.ts';

/** Runs of tombstones of one mailbox; with more they are written together. */
const MOST_TOMBSTONE_SEGMENTS = 8;
/** No append is under way for so long between storing its data and committing. */
const SWEPT_MS = 24 * 60 * 60 * 1000;

export interface FolderOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: Pick<JournalSettings, 'foldRecords' | 'foldSize' | 'undeleteWindow'>;
  /** Told after each fold of this process; must not throw. */
  readonly onFolded?: ((folded: Folded) => void) | undefined;
}

/**
 * Writes an account down: segments of changed mailboxes under a new random generation, then the checkpoint by
 * compare-and-set, then removes what the old one alone named. A crash at any point leaves garbage, never damage.
 */
export class Folder {
  readonly #log: AccountLog;
  readonly #options: FolderOptions;
  #running: Promise<void> | undefined;

  constructor(log: AccountLog, options: FolderOptions) {
    this.#log = log;
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  /** Folds in the background once enough has come together; failures are logged, the next record tries again. */
  foldIfDue(): void {
    if (this.#running === undefined && this.#isDue(1)) this.#inBackground(this.fold());
  }

  /**
   * For records of other nodes: whoever wrote them folds, so this one first looks whether that is done, and folds
   * itself only where nobody did.
   */
  foldIfFarBehind(): void {
    if (this.#running !== undefined || (!this.#isDue(2) && !this.#log.isOnBase)) return;
    this.#running = this.#log
      .rereadCheckpoint()
      .then(() => (this.#isDue(2) ? this.#fold() : undefined))
      .finally(() => {
        this.#running = undefined;
      });
    this.#inBackground(this.#running);
  }

  #isDue(factor: number): boolean {
    const { foldRecords, foldSize } = this.#options.settings;
    return this.#log.tailRecords >= foldRecords * factor || this.#log.tailOctets >= foldSize * factor;
  }

  #inBackground(fold: Promise<void>): void {
    fold.catch((error: unknown) => {
      const fields = { account: this.#log.account, error: String(error) };
      this.#options.logger.warn(fields, 'an account could not be written down');
    });
  }

  /** Waits for a fold under way, whatever comes of it. */
  async settled(): Promise<void> {
    await this.#running?.catch(() => undefined);
  }

  /** @throws MailError `unavailable` */
  fold(): Promise<void> {
    this.#running ??= this.#fold().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #fold(): Promise<void> {
    const log = this.#log;
    if (log.tailRecords === 0 && !log.isOnBase) return;
    const { checkpoint } = log;
    const scattered = await this.#readScatteredTombstones();
    for (let unloaded = this.#unloaded(); unloaded.length > 0; unloaded = this.#unloaded())
      await loadColumns(log, unloaded);
    if (log.checkpoint !== checkpoint) return;
    const previous = log.isOnBase ? undefined : checkpoint;
    const now = this.#options.clock.now();
    // The plan is made of one moment: from here on nothing waits until it stands.
    const plan = planFold({
      state: log.state,
      previous: log.isOnBase ? withoutRows(checkpoint, scattered, log.state.q) : (previous ?? NO_CHECKPOINT),
      scattered,
      forgetBefore: now - tombstoneWindow(this.#options.settings),
      forgetSweptBefore: now - SWEPT_MS,
    });
    const folded = describeFold(log, previous ?? NO_CHECKPOINT, plan.checkpoint);
    await log.store.writeSegments(log.account, plan.written);
    crashPoint('fold.segments-written');
    if (await log.store.replaceCheckpoint(log.account, plan.checkpoint, previous)) log.useCheckpoint(plan.checkpoint);
    else await log.rereadCheckpoint();
    crashPoint('fold.checkpoint-replaced');
    // A write that was tried twice finds its own first try in its way: what stands there tells.
    const isOurs = log.checkpoint?.rev === plan.checkpoint.rev;
    const unwanted = isOurs ? plan.superseded : plan.written.map(({ key }) => key);
    // Somebody may have gone on from ours already, and then names some of what it brought.
    await log.store.removeSegments(log.account, withoutNamed(unwanted, log.checkpoint));
    crashPoint('fold.superseded-removed');
    if (isOurs) this.#options.onFolded?.(folded);
  }

  /** Tombstones of changed mailboxes that lie in too many segments. */
  async #readScatteredTombstones(): Promise<ReadonlyMap<MailboxId, TombstoneList>> {
    const log = this.#log;
    const { checkpoint } = log;
    const scattered = new Map<MailboxId, TombstoneList>();
    for (const { id } of changedMailboxes(log.state, this.#writtenQ)) {
      const { tombstones } = checkpoint?.segments.get(id) ?? NO_SEGMENTS;
      if (tombstones.length <= (log.isOnBase ? 0 : MOST_TOMBSTONE_SEGMENTS)) continue;
      const list = await readTombstones(log, id, tombstones);
      if (list !== undefined) scattered.set(id, list);
      else if (log.isOnBase) await this.#requireStanding();
    }
    return scattered;
  }

  /** Tombstones that a base names are lost only where it still stands. @throws MailError `unavailable` */
  async #requireStanding(): Promise<void> {
    const { account, checkpoint, store } = this.#log;
    const base = await store.readCheckpoint(account, 'base');
    if (base?.rev !== checkpoint?.rev)
      throw new MailError('unavailable', 'Somebody is at work in this account, please try again');
  }

  /** What the head has written down. */
  get #writtenQ(): number {
    return this.#log.isOnBase ? 0 : (this.#log.checkpoint?.q ?? 0);
  }

  #unloaded(): MailboxId[] {
    return changedMailboxes(this.#log.state, this.#writtenQ).flatMap(({ id }) =>
      isMissing(this.#log, id) ? [id] : [],
    );
  }
}

/** The base as what a first head goes on from: all is written anew, for segments of the base stay with the base. */
function withoutRows(
  base: Checkpoint | undefined,
  tombstones: ReadonlyMap<MailboxId, TombstoneList>,
  q: number,
): Checkpoint {
  const segments = new Map<MailboxId, MailboxSegments>();
  for (const [id, own] of base?.segments ?? []) {
    const isLost = own.tombstones.length > 0 && !tombstones.has(id);
    segments.set(id, { ...NO_SEGMENTS, tombstoneFloor: isLost ? q : own.tombstoneFloor });
  }
  return { ...NO_CHECKPOINT, segments };
}

function withoutNamed(keys: readonly SegmentKey[], checkpoint: Checkpoint | undefined): readonly SegmentKey[] {
  // A generation belongs to one fold, which numbers what it writes through all mailboxes.
  const named = new Set(namedSegments(checkpoint).map(({ ref }) => `${ref.generation}/${ref.number}`));
  return keys.filter(({ ref }) => !named.has(`${ref.generation}/${ref.number}`));
}
