import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createDirectoryTarget,
  openBackupSet,
  readManifests,
  restoreStore,
  verifyBackups,
  type BackupSet,
  type Manifest,
} from '../../lib/backup/index.ts';
import { LOCKS } from '../../lib/backup/backup-target.ts';
import { compareDatabases, openDatabase, readUnfinished, type Database } from '../../lib/db/index.ts';
import { attachEmbedded } from '../../lib/embedded/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { SystemFlag } from '../../lib/journal/index.ts';
import type { SeededRandom } from '../faults/seeded-random.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { EVERY_ROW } from '../support/every-row.ts';
import { databaseOf, givenUri } from '../support/given-database.ts';
import { makeDataDir } from '../support/server-process.ts';
import { openStoreOn, openTestStore, withoutUidValidity, type SeenMailbox, type TestStore } from './test-store.ts';

/** What clients see of each user, UIDVALIDITYs left out. */
export type Seen = ReadonlyMap<string, readonly Omit<SeenMailbox, 'uidValidity'>[]>;

const USERS = ['anna', 'bert', 'carl', 'dora'] as const;

/** A store in a data directory with a backup target beside it; commands run on it as processes of their own. */
export class KilledSite {
  readonly store: TestStore;
  readonly dataDir: string;
  readonly folder: string;
  readonly target: string;
  readonly #random: SeededRandom;
  readonly #closers: (() => Promise<unknown>)[];
  /** Sent to everybody, so that backups meet an attachment that they have. */
  readonly #shared: Buffer;
  #number = 0;

  private constructor(
    store: TestStore,
    dataDir: string,
    folder: string,
    random: SeededRandom,
    closers: (() => Promise<unknown>)[],
  ) {
    this.store = store;
    this.dataDir = dataDir;
    this.folder = folder;
    this.target = join(folder, 'backups');
    this.#random = random;
    this.#closers = closers;
    this.#shared = withFile('shared', random.octets(200_000));
  }

  static async open(random: SeededRandom): Promise<KilledSite> {
    const data = await makeDataDir();
    const folder = await temporaryDirectory('killed');
    const { store, close } = await openStoreIn(data.path);
    const site = new KilledSite(store, data.path, folder, random, [
      close,
      () => data.remove(),
      () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
    ]);
    for (const name of USERS) await store.addUser(name);
    return site;
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
  }

  /** A data directory of its own, for a restore or a migration, removed with the site. */
  async otherDirectory(): Promise<string> {
    const data = await makeDataDir();
    this.#closers.push(() => data.remove());
    return data.path;
  }

  /** Some mail for everybody, and some of what was there flagged, moved away or expunged. */
  async live(messages: number): Promise<void> {
    const { store } = this;
    for (const name of USERS) {
      for (let n = 0; n < messages; n += 1) {
        this.#number += 1;
        const subject = `message ${String(this.#number)}`;
        const octets =
          n % 4 === 0 ? this.#shared : n % 4 === 1 ? withFile(subject, this.#random.octets(60_000)) : text(subject);
        const flags = { system: n % 3 === 0 ? SystemFlag.seen : 0, keywords: n % 5 === 0 ? ['blue'] : [] };
        await store.append(name, n % 6 === 5 ? 'Sent' : 'INBOX', octets, flags);
      }
    }
  }

  async look(store = this.store): Promise<Seen> {
    const seen = new Map<string, readonly Omit<SeenMailbox, 'uidValidity'>[]>();
    for await (const { username } of store.users.read())
      seen.set(username, withoutUidValidity(await store.look(username)));
    return seen;
  }

  async openSet(): Promise<BackupSet> {
    return openBackupSet(createDirectoryTarget(this.target), undefined);
  }

  async manifests(): Promise<readonly Manifest[]> {
    try {
      return await readManifests(await this.openSet());
    } catch (error) {
      // Killed before anything was written.
      if (error instanceof Error && error.name === 'TargetError') return [];
      throw error;
    }
  }

  /** Every listed backup is whole by its hashes, and restores to what was seen when it was made. */
  async assertBackups(expected: readonly Seen[]): Promise<void> {
    const set = await this.openSet();
    const damages: string[] = [];
    const report = await verifyBackups(set, { onDamage: (sentence) => damages.push(sentence) });
    assert.deepEqual([report.backups, damages], [expected.length, []]);
    const files = await readdir(this.target, { recursive: true });
    assert.deepEqual(
      files.filter((name) => name.includes('.part-') && !name.startsWith(LOCKS)),
      [],
      'left by a killed backup',
    );
    for (const [index, manifest] of (await readManifests(set)).entries()) {
      assert.deepEqual(manifest.problems, []);
      const restored = await openTestStore();
      try {
        await restoreStore(restored, set, manifest, {});
        assert.deepEqual(await this.look(restored), expected[index]);
        assert.deepEqual(await restored.damages(), []);
      } finally {
        await restored.close();
      }
    }
  }

  /** The store of another data directory: whole, without a trace of interrupted work, and with this content. */
  async assertStore(dataDir: string, expected: Seen): Promise<void> {
    const { store, close } = await openStoreIn(dataDir);
    try {
      assert.deepEqual(await this.look(store), expected);
      assert.deepEqual(await store.damages(), []);
      assert.equal(await readUnfinished(store.database), undefined);
      await assertNoAbandonedLogs(store);
    } finally {
      await close();
    }
  }

  /** Both databases hold the same documents, octet for octet, and the copy stands for itself. */
  async assertCopy(target: Database, source = this.store.database): Promise<void> {
    const differences: unknown[] = [];
    const sums = await compareDatabases(source, target, { onDifference: (one) => differences.push(one) });
    assert.deepEqual(differences, []);
    assert.deepEqual(sums.target, sums.source);
    assert.ok(sums.source.some(({ documents }) => documents > 0));
    assert.equal(await readUnfinished(target), undefined);
  }
}

/** No log is open that no user's row names: it would hold on to its content for ever. */
export async function assertNoAbandonedLogs({ users, rooms, database }: TestStore): Promise<void> {
  const named = new Set<string>();
  for await (const { account } of users.read()) named.add(account);
  const logs = new Set<string>();
  for await (const { _id } of database.collection('checkpoints').find(EVERY_ROW, { projection: { _id: 1 } }))
    logs.add((_id as unknown as { buffer: Buffer }).buffer.toString('hex', 0, 12));
  for (const account of logs) {
    if (named.has(account)) continue;
    await assert.rejects(
      rooms.mailboxes.list(account as never),
      { code: 'user-not-found' },
      'an abandoned log is open',
    );
  }
}

async function openStoreIn(dataDir: string): Promise<{ store: TestStore; close: () => Promise<void> }> {
  const { database, close } = await openDatabaseIn(dataDir);
  const store = await openStoreOn(database);
  return {
    store,
    close: async () => {
      await store.close();
      await close();
    },
  };
}

/** @returns the database, which its user closes, and what closes the engine afterwards */
export async function openDatabaseIn(dataDir: string): Promise<{ database: Database; close: () => Promise<void> }> {
  const uri = givenUri();
  if (uri !== undefined)
    return { database: await openDatabase({ uri, name: databaseOf(dataDir) }), close: () => Promise.resolve() };
  const engine = await attachEmbedded({ dataDir, logger: silentLogger });
  return { database: await openDatabase({ uri: engine.uri }), close: () => engine.close() };
}

function text(subject: string): Buffer {
  return Buffer.from(`From: a@example.com\r\nSubject: ${subject}\r\n\r\n${subject}\r\n`);
}

function withFile(subject: string, file: Buffer): Buffer {
  const encoded = file.toString('base64').replace(/.{76}/g, '$&\r\n');
  return Buffer.from(
    `From: a@example.com\r\nSubject: ${subject}\r\nMIME-Version: 1.0\r\nContent-Type: application/pdf\r\n` +
      `Content-Transfer-Encoding: base64\r\n\r\n${encoded}\r\n`,
  );
}
