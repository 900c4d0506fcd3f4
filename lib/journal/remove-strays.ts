import { randomBytes } from 'node:crypto';
import { crashPoint } from '../kernel/crash-point.ts';
import type { AccountId } from '../kernel/ids.ts';
import { NO_CHECKPOINT, type Checkpoint } from './checkpoint.ts';
import { namedSegments } from './named-segments.ts';
import type { CheckpointKind, JournalStore, SegmentKey } from './journal-store.ts';

/** Checkpoints of an account that is written down all the time may be another whenever one looks. */
const ATTEMPTS = 3;

/**
 * Removes segments that no checkpoint names: what crashed folds have left. Those of a fold under way look the same;
 * so the `rev` of both checkpoints is drawn anew first, and such a fold finds that it was overtaken.
 * @returns how many
 * @throws MailError `unavailable`
 */
export async function removeStrays(store: JournalStore, account: AccountId): Promise<number> {
  const listed = await store.listSegments(account);
  const standing = [await store.readCheckpoint(account), await store.readCheckpoint(account, 'base')];
  const suspected = without(listed, standing);
  if (suspected.length === 0) return 0;
  const renewed: Checkpoint[] = [];
  for (const kind of ['head', 'base'] as const) {
    const checkpoint = await renew(store, account, kind);
    if (checkpoint === undefined) return 0;
    crashPoint('upkeep.checkpoint-renewed', () => kind);
    renewed.push(checkpoint);
  }
  const strays = without(suspected, renewed);
  await store.removeSegments(account, strays);
  crashPoint('upkeep.strays-removed');
  return strays.length;
}

/**
 * Draws `rev` anew; where there is no such checkpoint, one of the empty account is written, from which the whole
 * journal is read. @returns undefined where others keep replacing it
 */
async function renew(store: JournalStore, account: AccountId, kind: CheckpointKind): Promise<Checkpoint | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const standing = await store.readCheckpoint(account, kind);
    const next = { ...(standing ?? NO_CHECKPOINT), rev: randomBytes(12).toString('hex') };
    if (await store.replaceCheckpoint(account, next, standing, kind)) return next;
    // A write that was tried twice finds its own first try in its way.
    if ((await store.readCheckpoint(account, kind))?.rev === next.rev) return next;
  }
  return undefined;
}

function without(keys: readonly SegmentKey[], checkpoints: readonly (Checkpoint | undefined)[]): SegmentKey[] {
  const named = new Set(checkpoints.flatMap(namedSegments).map(nameOf));
  return keys.filter((key) => !named.has(nameOf(key)));
}

function nameOf({ mailbox, ref }: SegmentKey): string {
  return `${mailbox}/${ref.generation}/${ref.number}`;
}
