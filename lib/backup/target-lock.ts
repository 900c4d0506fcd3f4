import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from '../kernel/clock.ts';
import { TargetError, type BackupTarget } from './backup-target.ts';

const NAME = 'lock';
/** Whoever has not renewed it for so long is taken for dead. */
const STALE_MS = 10 * 60_000;
const RENEW_MS = 60_000;

interface LockNote {
  readonly token: string;
  readonly host: string;
  readonly pid: number;
  readonly at: number;
}

/** Keeps two that write to a target, or remove from it, apart. Readers need none. */
export interface TargetLock {
  /** To be called now and then while work goes on. @throws TargetError where somebody has taken it over */
  renew(): Promise<void>;
  /** Before what another could be harmed by: looks each time. @throws TargetError as `renew` */
  require(): Promise<void>;
  release(): Promise<void>;
}

/** @throws TargetError where another holds it */
export async function lockTarget(target: BackupTarget, clock: Clock): Promise<TargetLock> {
  const token = randomBytes(12).toString('hex');
  const note = (): Buffer =>
    Buffer.from(JSON.stringify({ token, host: hostname(), pid: process.pid, at: clock.now() } satisfies LockNote));
  let renewedAt = clock.monotonic();
  let mayLive = false;
  if (!(await target.putIfAbsent(NAME, note()))) {
    const held = await readNote(target);
    if (held !== undefined && isHeld(held, clock.now())) throw heldBy(target, held, clock.now());
    mayLive = held !== undefined && isAliveFor(held);
    await target.remove(NAME);
    if (!(await target.putIfAbsent(NAME, note()))) throw heldBy(target, await readNote(target), clock.now());
  }
  // Who lost the lock only by the clock may still be at work.
  if (!mayLive) await target.removeLeftovers?.();
  const require = async (): Promise<void> => {
    if ((await readNote(target))?.token !== token) throw new TargetError('another process has taken the target over');
    await target.put(NAME, note());
    renewedAt = clock.monotonic();
  };
  return {
    require,
    renew: async () => {
      if (clock.monotonic() - renewedAt >= RENEW_MS) await require();
    },
    release: async () => {
      if ((await readNote(target))?.token === token) await target.remove(NAME);
    },
  };
}

function isHeld(note: LockNote, now: number): boolean {
  return isAliveFor(note) && now - note.at < STALE_MS;
}

/** Of another machine's nobody can say that it is dead. */
function isAliveFor({ host, pid }: LockNote): boolean {
  return host !== hostname() || isAlive(pid);
}

async function readNote(target: BackupTarget): Promise<LockNote | undefined> {
  const found = await target.get(NAME);
  if (found === undefined) return undefined;
  try {
    return JSON.parse(found.toString('utf8')) as LockNote;
  } catch {
    return undefined;
  }
}

function heldBy(target: BackupTarget, note: LockNote | undefined, now: number): TargetError {
  const who = note === undefined ? 'another process' : `process ${String(note.pid)} on ${note.host}`;
  const lapses =
    note !== undefined && note.at > now + STALE_MS
      ? `the clocks differ, by which its lock lapses at ${new Date(note.at + STALE_MS).toISOString()} only: where it is dead ` +
        `for certain, remove the object ${NAME}`
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
