import type { CarriedUser } from '../accounts/index.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import { AttachmentArchive } from './attachment-archive.ts';
import { backUpAccount, lackingSentence, type AccountBackupParts } from './back-up-account.ts';
import type { BackupRooms } from './backup-rooms.ts';
import type { BackupSet, ObjectRef } from './backup-set.ts';
import { CatalogueWriter, linesIn, readUsers, type RetiredLine, type UserLine } from './catalogue.ts';
import {
  listBackups,
  MOST_PROBLEMS,
  nameIn,
  newBackupId,
  readBeginning,
  readManifest,
  writeBeginning,
  writeManifest,
  type Beginning,
  type Manifest,
} from './manifest.ts';
import { lockTarget, type TargetLock } from './target-lock.ts';

export interface CreateBackupOptions {
  /** Reads everything anew, whatever the target holds; attachments that are there are not written again. */
  readonly isFull?: boolean;
  readonly onProgress?: (progress: BackupProgress) => void;
  readonly onProblem?: (sentence: string) => void;
  /** Octets of one part of an account's list of content; what is usual by itself. */
  readonly indexPartOctets?: number;
}

export interface BackupProgress {
  readonly users: number;
  readonly ofUsers: number;
  readonly octets: number;
}

/** Octets after which what is done is noted, so that an interrupted backup goes on from there. */
const NOTE_OCTETS = 32 * 1024 * 1024;
const RETIRED_NAMES = 5000;

/**
 * Backs the store up beside whoever works on it: each user's account as of the moment at which it was read. Goes on with
 * a backup that was interrupted, else builds on the last one.
 * @throws TargetError, DamagedObject, WrongKey, MailError `unavailable`; what was written then is gone on with
 */
export async function createBackup(
  rooms: BackupRooms,
  set: BackupSet,
  options: CreateBackupOptions = {},
): Promise<Manifest> {
  const lock = await lockTarget(set.target, rooms.clock);
  try {
    const backup = await beginOrGoOn(rooms, set, options.isFull === true);
    const run = new BackupRun(rooms, set, backup, options, lock);
    return await run.finish();
  } finally {
    await lock.release().catch(() => undefined);
  }
}

interface BegunBackup {
  readonly beginning: Beginning;
  readonly previous: Manifest | undefined;
  /** Pieces of the catalogue that an interrupted run left. */
  readonly written: readonly ObjectRef[];
  readonly lastUser: string;
  /** What the store was found to lack then. */
  readonly problems: readonly string[];
}

async function beginOrGoOn(rooms: BackupRooms, set: BackupSet, isFull: boolean): Promise<BegunBackup> {
  const backups = await listBackups(set);
  const last = backups.findLast(({ isFinished }) => isFinished);
  const previous = isFull || last === undefined ? undefined : await readManifest(set, last.id);
  const newest = backups.at(-1);
  if (newest?.isFinished === false) {
    const beginning = await readBeginning(set, newest.id);
    if (beginning !== undefined && beginning.previous === (previous?.id ?? ''))
      return { beginning, previous, ...(await readWritten(set, newest.id)) };
  }
  const startedAt = rooms.clock.now();
  const beginning = {
    v: 1,
    id: newBackupId(startedAt, newest?.id ?? ''),
    kind: previous === undefined ? ('full' as const) : ('incremental' as const),
    previous: previous?.id ?? '',
    startedAt,
  };
  await writeBeginning(set, beginning);
  return { beginning, previous, written: [], lastUser: '', problems: [] };
}

async function readWritten(set: BackupSet, id: string): Promise<Omit<BegunBackup, 'beginning' | 'previous'>> {
  const written: ObjectRef[] = [];
  const problems: string[] = [];
  let lastUser = '';
  for (;;) {
    const piece = await set.readNamed(catalogueName(id, written.length + 1));
    if (piece === undefined) return { written, lastUser, problems };
    const lines = linesIn(piece.ref.name, piece.octets);
    // From the first piece with other lines on it was nearly done: that is written again.
    if (lines.some(({ kind }) => kind !== 'user')) return { written, lastUser, problems };
    for (const line of lines) {
      if (line.kind !== 'user') continue;
      lastUser = line.id;
      problems.push(...line.lacking.map((messageId) => lackingSentence(line.username, messageId)));
    }
    written.push(piece.ref);
  }
}

function catalogueName(id: string, number: number): string {
  return nameIn(id, `catalogue-${String(number).padStart(6, '0')}`);
}

class BackupRun {
  readonly #rooms: BackupRooms;
  readonly #set: BackupSet;
  readonly #backup: BegunBackup;
  readonly #options: CreateBackupOptions;
  readonly #catalogue: CatalogueWriter;
  readonly #counts = { users: 0, changed: 0, records: 0, messages: 0, attachments: 0, octets: 0 };
  readonly #problems: string[] = [];
  readonly #parts: AccountBackupParts;
  readonly #lock: TargetLock;
  #ofUsers = 0;
  #notedOctets = 0;

  constructor(rooms: BackupRooms, set: BackupSet, backup: BegunBackup, options: CreateBackupOptions, lock: TargetLock) {
    this.#rooms = rooms;
    this.#set = set;
    this.#backup = backup;
    this.#options = options;
    this.#lock = lock;
    const { id } = backup.beginning;
    this.#catalogue = new CatalogueWriter(set, (number) => catalogueName(id, number), backup.written);
    this.#parts = {
      rooms,
      set,
      archive: new AttachmentArchive(set),
      backupId: id,
      ...(options.indexPartOctets === undefined ? {} : { indexPartOctets: options.indexPartOctets }),
      counts: this.#counts,
      onProblem: (sentence) => this.#note(sentence),
      onStep: async () => {
        this.#tell();
        await lock.renew();
      },
    };
  }

  async finish(): Promise<Manifest> {
    for (const sentence of this.#backup.problems) this.#note(sentence);
    this.#ofUsers = await this.#rooms.users.count();
    const previous = new UserCursor(readUsers(this.#set, this.#backup.previous?.catalogue ?? []));
    try {
      for await (const user of this.#rooms.users.read()) {
        const before = await previous.find(user.id);
        this.#counts.users += 1;
        if (user.id > this.#backup.lastUser) await this.#backUp(user, before);
        this.#tell();
      }
    } finally {
      await previous.close();
    }
    await this.#writeRetired();
    const catalogue = await this.#catalogue.finish();
    const { id, kind, startedAt, previous: builtOn } = this.#backup.beginning;
    const manifest = {
      id,
      kind,
      previous: builtOn,
      startedAt,
      finishedAt: this.#rooms.clock.now(),
      catalogue,
      counts: { ...this.#counts, octets: this.#counts.octets + catalogue.reduce((sum, ref) => sum + ref.octets, 0) },
      problems: this.#problems,
    };
    crashPoint('backup.catalogue-written');
    // Where a clock is wrong, another may have taken this backup for a dead one's, and removed some of it.
    await this.#lock.require();
    await writeManifest(this.#set, manifest);
    crashPoint('backup.manifest-written');
    return { v: 1, ...manifest };
  }

  async #backUp(user: CarriedUser, before: UserLine | undefined): Promise<void> {
    const line = await backUpAccount(this.#parts, user, before);
    if (line === undefined) return;
    await this.#catalogue.add(line);
    if (this.#counts.octets - this.#notedOctets < NOTE_OCTETS) return;
    this.#notedOctets = this.#counts.octets;
    await this.#catalogue.flush();
  }

  async #writeRetired(): Promise<void> {
    let names: RetiredLine['names'][number][] = [];
    await this.#catalogue.flush();
    for await (const name of this.#rooms.users.readRetired()) {
      names.push(name);
      if (names.length < RETIRED_NAMES) continue;
      await this.#catalogue.add({ kind: 'retired', names });
      names = [];
    }
    if (names.length > 0) await this.#catalogue.add({ kind: 'retired', names });
  }

  #note(sentence: string): void {
    if (this.#problems.length < MOST_PROBLEMS) this.#problems.push(sentence);
    this.#options.onProblem?.(sentence);
  }

  #tell(): void {
    this.#options.onProgress?.({ users: this.#counts.users, ofUsers: this.#ofUsers, octets: this.#counts.octets });
  }
}

/** Goes along a catalogue as the users come, both in order of id. */
class UserCursor {
  readonly #lines: AsyncGenerator<UserLine, void, undefined>;
  #line: UserLine | undefined;
  #isAtEnd = false;

  constructor(lines: AsyncGenerator<UserLine, void, undefined>) {
    this.#lines = lines;
  }

  async find(id: string): Promise<UserLine | undefined> {
    while (!this.#isAtEnd && (this.#line === undefined || this.#line.id < id)) {
      const next = await this.#lines.next();
      this.#isAtEnd = next.done === true;
      this.#line = next.done === true ? undefined : next.value;
    }
    return this.#line?.id === id ? this.#line : undefined;
  }

  async close(): Promise<void> {
    await this.#lines.return();
  }
}
