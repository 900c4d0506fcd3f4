import type { FoldedAccount } from '../journal/index.ts';
import type { AttachmentId } from '../kernel/ids.ts';
import { describeMessage } from '../messages/index.ts';
import { readAttachments } from './account-index.ts';
import { AttachmentArchive } from './attachment-archive.ts';
import type { BackupSet, ObjectRef } from './backup-set.ts';
import { linesIn, type UserLine } from './catalogue.ts';
import { listBackups, nameIn, readManifest } from './manifest.ts';
import { entriesIn } from './pack.ts';
import { damageIn, foldAccount } from './read-account.ts';

export interface VerifyOptions {
  /** One backup; undefined: all finished ones. */
  readonly backup?: string;
  readonly onDamage: (sentence: string) => void;
  readonly onProgress?: (objects: number) => void;
}

export interface VerifyReport {
  readonly backups: number;
  /** Read whole, each once however many backups share it. */
  readonly objects: number;
  readonly damages: number;
}

/**
 * Reads every object that the backups need, and holds it against its hash; folds every journal, and looks for the content
 * of every live message. @throws TargetError, WrongKey
 */
export async function verifyBackups(set: BackupSet, options: VerifyOptions): Promise<VerifyReport> {
  const run = new Verification(set, options);
  const backups = (await listBackups(set)).filter(
    ({ id, isFinished }) => isFinished && (options.backup === undefined || id === options.backup),
  );
  for (const { id } of backups) await run.verify(id);
  return { backups: backups.length, objects: run.objects, damages: run.damages };
}

class Verification {
  readonly #set: BackupSet;
  readonly #options: VerifyOptions;
  readonly #archive: AttachmentArchive;
  /** Accounts by what they are made of, and attachments, that have been found right. */
  readonly #verified = new Set<string>();
  /** Objects that have been read. */
  readonly #read = new Set<string>();
  damages = 0;

  constructor(set: BackupSet, options: VerifyOptions) {
    this.#set = set;
    this.#options = options;
    this.#archive = new AttachmentArchive(set);
  }

  get objects(): number {
    return this.#read.size;
  }

  async verify(id: string): Promise<void> {
    const manifest = await this.#attempt(`backup ${id}`, () => readManifest(this.#set, id));
    if (manifest === undefined) return;
    this.#met(nameIn(id, 'manifest'));
    for (const piece of manifest.catalogue) {
      const lines = await this.#attempt(`backup ${id}`, async () => linesIn(piece.name, await this.#set.read(piece)));
      this.#met(piece.name);
      for (const line of lines ?? []) if (line.kind === 'user') await this.#verifyUser(id, line);
    }
  }

  async #verifyUser(backup: string, line: UserLine): Promise<void> {
    const last = [...line.packs, ...line.index].map(({ sha256 }) => sha256).join();
    if (this.#verified.has(last)) return;
    const where = `backup ${backup}, user ${line.username}`;
    const damages = this.damages;
    const found = new Set<string>();
    for (const pack of line.packs) await this.#attempt(where, () => this.#readPack(pack, found));
    for (const part of line.index) {
      const attachments = await this.#attempt(where, () => readAttachments(this.#set, part));
      this.#met(part.name);
      if (attachments !== undefined) await this.#verifyAttachments(where, attachments);
    }
    if (damages < this.damages) return;
    const folded = await this.#attempt(where, () => foldAccount(this.#set, line, {}));
    if (folded !== undefined) this.#verifyContent(where, line, folded, found);
    if (damages === this.damages) this.#verified.add(last);
  }

  async #readPack(pack: ObjectRef, found: Set<string>): Promise<void> {
    for (const { kind, raw } of entriesIn(pack.name, await this.#set.read(pack)))
      if (kind === 'message') found.add(describeMessage(raw).messageId);
    this.#met(pack.name);
  }

  async #verifyAttachments(where: string, attachments: Iterable<[AttachmentId, number]>): Promise<void> {
    for (const [id, size] of attachments) {
      if (this.#verified.has(id)) continue;
      this.#verified.add(id);
      await this.#attempt(where, () => this.#archive.check(id, size));
      for (const name of this.#archive.namesOf(id, size)) this.#met(name);
    }
  }

  /** What the store itself lacked was told when the backup was made. */
  #verifyContent(where: string, line: UserLine, folded: FoldedAccount, found: ReadonlySet<string>): void {
    const lacking = new Set<string>(line.lacking);
    for (const messageId of folded.messageIds())
      if (!found.has(messageId) && !lacking.has(messageId)) this.#say(`${where}: message ${messageId} is not in it`);
  }

  #met(name: string): void {
    this.#read.add(name);
    this.#options.onProgress?.(this.#read.size);
  }

  async #attempt<T>(where: string, run: () => Promise<T>): Promise<T | undefined> {
    try {
      return await run();
    } catch (error) {
      const sentence = damageIn(error);
      if (sentence === undefined) throw error;
      this.#say(`${where}: ${sentence}`);
      return undefined;
    }
  }

  #say(sentence: string): void {
    this.damages += 1;
    this.#options.onDamage(sentence);
  }
}
