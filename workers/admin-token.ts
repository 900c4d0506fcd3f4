import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Who may administer by the API: bearers of the token shown once, or of the one made for this run. */
export interface AdminTokens {
  /** Good while this process runs; goes into the ready file. */
  readonly ofThisRun: string;
  /** The lasting one where it was made just now, else undefined: only its hash is kept. */
  readonly shownOnce: string | undefined;
  isAdmin(token: string): boolean;
}

/**
 * Reads the hash of the lasting token from the data directory; at the first start makes the token. Removing the
 * file and starting again makes another.
 */
export async function loadAdminTokens(dataDir: string): Promise<AdminTokens> {
  const file = join(dataDir, 'admin-token.sha256');
  const ofThisRun = newToken();
  const { lasting, shownOnce } = await loadOrMake(file);
  const accepted = [lasting, hashOf(ofThisRun)];
  return {
    ofThisRun,
    shownOnce,
    isAdmin: (token) => {
      const presented = hashOf(token);
      return accepted.some((hash) => timingSafeEqual(hash, presented));
    },
  };
}

async function loadOrMake(file: string): Promise<{ readonly lasting: Buffer; readonly shownOnce: string | undefined }> {
  const kept = await readHash(file);
  if (kept !== undefined) return { lasting: kept, shownOnce: undefined };
  const shownOnce = newToken();
  try {
    await writeFile(file, `${hashOf(shownOnce).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
    return { lasting: hashOf(shownOnce), shownOnce };
  } catch (error) {
    // Another process of the same data directory was first, or the file is there and holds no hash.
    const other = await readHash(file);
    if (other === undefined) throw error;
    return { lasting: other, shownOnce: undefined };
  }
}

async function readHash(file: string): Promise<Buffer | undefined> {
  const text = await readFile(file, 'latin1').catch(() => '');
  return /^[0-9a-f]{64}\s*$/.test(text) ? Buffer.from(text.trim(), 'hex') : undefined;
}

function newToken(): string {
  return randomBytes(32).toString('hex');
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
