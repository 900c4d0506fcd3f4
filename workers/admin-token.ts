import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../lib/kernel/logger.ts';
import type { AdminTokenHash } from '../lib/nodes/index.ts';

/** Who may administer by the API: bearers of the token shown once, or of the one made for this run. */
export interface AdminTokens {
  /** Good while this process runs; goes into the ready file. */
  readonly ofThisRun: string;
  /** The lasting one where it was made just now, else undefined: only its hash is kept. */
  readonly shownOnce: string | undefined;
  isAdmin(token: string): boolean;
  /** For the API's paging cursors; the same on every node, and another once the lasting token is. */
  cursorSecret(): string;
  /** Takes in a lasting token that was made anew elsewhere. @throws MailError `unavailable` */
  refresh(): Promise<void>;
}

/** How long a token that was replaced elsewhere may still count here. */
const REFRESH_MS = 60_000;
/** Where a data directory kept the hash before the database did. */
const OLD_FILE = 'admin-token.sha256';

/**
 * Reads the hash of the lasting token from the database, where all nodes find it; at the very first start makes the
 * token. A hash in the data directory, from before there was one in the database, is taken over.
 */
export async function loadAdminTokens(
  kept: AdminTokenHash,
  options: { readonly dataDir: string; readonly logger: Logger },
): Promise<AdminTokens> {
  const ofThisRun = newAdminToken();
  const { hash, shownOnce } = await loadOrMake(kept, options.dataDir);
  let lasting = hash;
  const refresh = async (): Promise<void> => {
    lasting = (await kept.read()) ?? lasting;
  };
  setInterval(() => {
    refresh().catch((error: unknown) => {
      options.logger.debug({ err: error }, 'the admin token could not be looked for');
    });
  }, REFRESH_MS).unref();
  const hashOfThisRun = hashOf(ofThisRun);
  return {
    ofThisRun,
    shownOnce,
    isAdmin: (token) => {
      const presented = hashOf(token);
      return [lasting, hashOfThisRun].some((accepted) => isSame(accepted, presented));
    },
    cursorSecret: () => createHmac('sha256', lasting).update('paging cursors of the API').digest('hex'),
    refresh,
  };
}

/** 256 random bits, hexadecimal. */
export function newAdminToken(): string {
  return randomBytes(32).toString('hex');
}

/** Random as the token is, a plain hash is enough. Hexadecimal. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

async function loadOrMake(
  kept: AdminTokenHash,
  dataDir: string,
): Promise<{ readonly hash: string; readonly shownOnce: string | undefined }> {
  const known = (await kept.read()) ?? (await readOld(dataDir));
  if (known !== undefined) return { hash: await kept.keep(known), shownOnce: undefined };
  const token = newAdminToken();
  const hash = await kept.keep(hashOf(token));
  // Another node may have been first.
  return { hash, shownOnce: hash === hashOf(token) ? token : undefined };
}

async function readOld(dataDir: string): Promise<string | undefined> {
  const file = join(dataDir, OLD_FILE);
  let text: string;
  try {
    text = await readFile(file, 'latin1');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  if (!/^[0-9a-f]{64}\s*$/.test(text)) throw new Error(`${file} holds no hash; remove it to have a new token made`);
  return text.trim();
}

function isSame(one: string, two: string): boolean {
  return timingSafeEqual(Buffer.from(one), Buffer.from(two));
}
