import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from '../kernel/clock.ts';
import { LOCKS, TargetError, type BackupTarget } from './backup-target.ts';

/** Whoever has not renewed it for so long is taken for dead. */
const STALE_MS = 10 * 60_000;
const RENEW_MS = 60_000;

interface LockNote {
  readonly token: string;
  readonly host: string;
  readonly pid: number;
  readonly at: number;
  readonly isReleased?: true;
}

/** Keeps two that write to a target, or remove from it, apart. Readers need none. */
export interface TargetLock {
  /** To be called now and then while work goes on. @throws TargetError where somebody has taken it over */
  renew(): Promise<void>;
  /** Before what another could be harmed by: looks each time. @throws TargetError as `renew` */
  require(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Locks are numbered, and the highest is the one that counts. Of all who found the same one lapsed or released only one
 * makes the next number. The highest is never removed, but where a higher one is there: so no number comes twice, and
 * who made one that had been there before, having looked long ago, sees a higher one.
 * @throws TargetError where another holds it
 */
export async function lockTarget(target: BackupTarget, clock: Clock): Promise<TargetLock> {
  const token = randomBytes(12).toString('hex');
  const note = (rest: Partial<LockNote> = {}): Buffer =>
    Buffer.from(
      JSON.stringify({ token, host: hostname(), pid: process.pid, at: clock.now(), ...rest } satisfies LockNote),
    );
  let renewedAt = clock.monotonic();
  const last = highestIn(await locksOf(target));
  const held = await readNote(target, last);
  if (held !== undefined && isHeld(held, clock.now())) throw heldBy(target, last, held, clock.now());
  const own = last + 1;
  const isMade = await target.putIfAbsent(nameOf(own), note());
  const locks = await locksOf(target);
  const highest = highestIn(locks);
  if (!isMade || highest !== own) throw heldBy(target, highest, await readNote(target, highest), clock.now());
  for (const lock of locks) if (lock < own) await target.remove(nameOf(lock));
  // Who lost the lock only by the clock may still be at work.
  if (held === undefined || !mayLive(held)) await target.removeLeftovers?.();
  const isOurs = async (): Promise<boolean> =>
    (await readNote(target, own))?.token === token && highestIn(await locksOf(target)) === own;
  const require = async (): Promise<void> => {
    if (!(await isOurs())) throw new TargetError('another process has taken the target over');
    await target.put(nameOf(own), note());
    renewedAt = clock.monotonic();
  };
  return {
    require,
    renew: async () => {
      if (clock.monotonic() - renewedAt >= RENEW_MS) await require();
    },
    release: async () => {
      if (await isOurs()) await target.put(nameOf(own), note({ isReleased: true }));
    },
  };
}

function nameOf(lock: number): string {
  return LOCKS + String(lock);
}

async function locksOf(target: BackupTarget): Promise<readonly number[]> {
  const locks: number[] = [];
  for await (const { name } of target.list(LOCKS)) locks.push(Number(name.slice(LOCKS.length)));
  return locks.filter(Number.isSafeInteger);
}

/** 0 where there is none. */
function highestIn(locks: readonly number[]): number {
  return Math.max(0, ...locks);
}

function isHeld(note: LockNote, now: number): boolean {
  return mayLive(note) && now - note.at < STALE_MS;
}

/** Of another machine's nobody can say that it is dead. */
function mayLive({ host, pid, isReleased }: LockNote): boolean {
  return isReleased !== true && (host !== hostname() || isAlive(pid));
}

async function readNote(target: BackupTarget, lock: number): Promise<LockNote | undefined> {
  const found = await target.get(nameOf(lock));
  if (found === undefined) return undefined;
  try {
    return JSON.parse(found.toString('utf8')) as LockNote;
  } catch {
    return undefined;
  }
}

function heldBy(target: BackupTarget, lock: number, note: LockNote | undefined, now: number): TargetError {
  const who = note === undefined ? 'another process' : `process ${String(note.pid)} on ${note.host}`;
  const lapses =
    note !== undefined && note.at > now + STALE_MS
      ? `the clocks differ, by which its lock lapses at ${new Date(note.at + STALE_MS).toISOString()} only: where it is dead ` +
        `for certain, remove the object ${nameOf(lock)}`
      : `its lock lapses ${String(STALE_MS / 60_000)} minutes after its last sign`;
  return new TargetError(`${who} works on ${target.title} (or has died there; ${lapses})`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process cannot be signalled, but is there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
