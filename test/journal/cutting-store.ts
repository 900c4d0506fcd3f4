import type { CommitOutcome, JournalStore } from '../../lib/journal/journal-store.ts';
import { MailError } from '../../lib/kernel/errors.ts';

/** Of a write: nothing of it was done, it was done and the reply is lost, or it was done twice, as by a driver that tries again. */
export type Cut = 'before' | 'after' | 'twice';

const LOST: CommitOutcome = { kind: 'stopped', committed: 0, reason: 'unknown', error: 'cut' };

/**
 * A journal store that is cut off at its n-th write, and from then on answers nothing: what a process that dies there
 * leaves behind. A write done twice cuts nothing off.
 */
export class CuttingStore implements JournalStore {
  /** Writes so far. */
  steps = 0;
  isDead = false;
  readonly #real: JournalStore;
  readonly #cutAt: number;
  readonly #cut: Cut;

  constructor(real: JournalStore, cutAt: number, cut: Cut) {
    this.#real = real;
    this.#cutAt = cutAt;
    this.#cut = cut;
  }

  readonly insert: JournalStore['insert'] = (...given) =>
    this.#write(
      () => this.#real.insert(...given),
      () => LOST,
    );
  readonly removeRecords: JournalStore['removeRecords'] = (...given) =>
    this.#write(() => this.#real.removeRecords(...given));
  readonly replaceCheckpoint: JournalStore['replaceCheckpoint'] = (...given) =>
    this.#write(() => this.#real.replaceCheckpoint(...given));
  readonly removeCheckpoint: JournalStore['removeCheckpoint'] = (...given) =>
    this.#write(() => this.#real.removeCheckpoint(...given));
  readonly writeSegments: JournalStore['writeSegments'] = (...given) =>
    this.#write(
      () => this.#real.writeSegments(...given),
      undefined,
      // A segment that is there already is refused, and a driver takes the refusal of its second try for the answer.
      () => this.#real.writeSegments(...given).catch(() => undefined),
    );
  readonly removeSegments: JournalStore['removeSegments'] = (...given) =>
    this.#write(() => this.#real.removeSegments(...given));

  readonly readAfter: JournalStore['readAfter'] = (...given) => this.#read(() => this.#real.readAfter(...given));
  readonly readGaps: JournalStore['readGaps'] = (...given) => this.#read(() => this.#real.readGaps(...given));
  readonly readCheckpoint: JournalStore['readCheckpoint'] = (...given) =>
    this.#read(() => this.#real.readCheckpoint(...given));
  readonly readSegments: JournalStore['readSegments'] = (...given) =>
    this.#read(() => this.#real.readSegments(...given));
  readonly listSegments: JournalStore['listSegments'] = (...given) =>
    this.#read(() => this.#real.listSegments(...given));
  readonly nextAccount: JournalStore['nextAccount'] = (...given) => this.#read(() => this.#real.nextAccount(...given));

  async #write<T>(run: () => Promise<T>, lost?: () => T, again = run): Promise<T> {
    if (this.isDead) return lost === undefined ? this.#fail() : lost();
    this.steps += 1;
    if (this.steps !== this.#cutAt) return run();
    if (this.#cut === 'twice') {
      await run();
      return again();
    }
    this.isDead = true;
    if (this.#cut === 'after') await run();
    return lost === undefined ? this.#fail() : lost();
  }

  async #read<T>(run: () => Promise<T>): Promise<T> {
    return this.isDead ? this.#fail() : run();
  }

  #fail(): never {
    throw new MailError('unavailable', 'cut off');
  }
}
