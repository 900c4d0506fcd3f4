import { createHash } from 'node:crypto';
import type { Attachments } from '../attachments/index.ts';
import { MailError } from '../kernel/errors.ts';
import type { AttachmentId } from '../kernel/ids.ts';
import type { BackupSet } from './backup-set.ts';
import { DamagedObject } from './sealed-object.ts';

const FOLDER = 'attachments/';
/** Octets of one object; the last one of an attachment holds the rest. */
const PIECE_OCTETS = 8 * 1024 * 1024;
/** Attachments that are known to be there without asking again. */
const REMEMBERED = 100_000;

/** What became of an attachment that was to be archived. */
export type Archived =
  | { readonly kind: 'archived'; readonly size: number; readonly isNew: boolean; readonly octets: number }
  /** The store has it no longer, or not as it was. */
  | { readonly kind: 'lacking'; readonly reason: string };

/**
 * The attachments of a backup set, once each whoever refers to them, under names made of their hash. The last piece is
 * written last, when the hash of the whole has been found right: where it is, the attachment is there.
 */
export class AttachmentArchive {
  readonly #set: BackupSet;
  readonly #known = new Map<AttachmentId, number>();

  constructor(set: BackupSet) {
    this.#set = set;
  }

  /** @throws MailError `unavailable`, TargetError */
  async keep(attachments: Attachments, id: AttachmentId): Promise<Archived> {
    const known = this.#known.get(id);
    if (known !== undefined) return { kind: 'archived', size: known, isNew: false, octets: 0 };
    try {
      const source = await attachments.open(id);
      const { size } = source;
      const last = pieceCount(size) - 1;
      // A copy of a target that ran out of room has names with nothing behind them.
      const isThere = ((await this.#set.target.size(this.#nameOf(id, last))) ?? 0) > 0;
      const octets = isThere ? 0 : await this.#write(id, size, source.read(0, size));
      if (octets === undefined) return { kind: 'lacking', reason: 'its octets are not what its hash says' };
      this.#remember(id, size);
      return { kind: 'archived', size, isNew: !isThere, octets };
    } catch (error) {
      if (!(error instanceof MailError) || !isLacking(error)) throw error;
      return { kind: 'lacking', reason: error.cause instanceof Error ? error.cause.message : error.message };
    }
  }

  /** @returns octets stored; undefined where the source is not what the id says */
  async #write(id: AttachmentId, size: number, source: AsyncIterable<Buffer>): Promise<number | undefined> {
    const hash = createHash('sha256');
    let stored = 0;
    let number = 0;
    let piece = Buffer.allocUnsafe(Math.min(size, PIECE_OCTETS));
    let filled = 0;
    for await (const octets of source) {
      hash.update(octets);
      for (let taken = 0; taken < octets.length;) {
        if (filled === piece.length) {
          // What comes after a full piece shows that it is not the last one.
          stored += (await this.#set.write(this.#nameOf(id, number), piece)).octets;
          number += 1;
          piece = Buffer.allocUnsafe(Math.max(0, Math.min(size - number * PIECE_OCTETS, PIECE_OCTETS)));
          filled = 0;
          if (piece.length === 0) return undefined;
        }
        const copied = octets.copy(piece, filled, taken);
        taken += copied;
        filled += copied;
      }
    }
    if (hash.digest('hex') !== id || number * PIECE_OCTETS + filled !== size) return undefined;
    return stored + (await this.#set.write(this.#nameOf(id, number), piece)).octets;
  }

  /** The octets in pieces. @throws DamagedObject where one is missing or not what was written, WrongKey */
  async *read(id: AttachmentId, size: number): AsyncGenerator<Buffer, void, undefined> {
    const hash = createHash('sha256');
    for (let number = 0; number < pieceCount(size); number += 1) {
      const name = this.#nameOf(id, number);
      const found = await this.#set.readNamed(name);
      if (found === undefined) throw new DamagedObject(name, 'it is missing');
      hash.update(found.octets);
      yield found.octets;
    }
    if (hash.digest('hex') !== id) throw new DamagedObject(this.#nameOf(id, 0), 'the whole is not what its hash says');
  }

  /** Reads the whole for nothing but its hash. @throws as `read` */
  async check(id: AttachmentId, size: number): Promise<void> {
    const pieces = this.read(id, size);
    while ((await pieces.next()).done !== true);
  }

  /** What its objects are called, the last one first: in this order they may be removed. */
  namesOf(id: AttachmentId, size: number): string[] {
    return Array.from({ length: pieceCount(size) }, (_, number) => this.#nameOf(id, number)).reverse();
  }

  static readonly folder = FOLDER;

  #nameOf(id: AttachmentId, number: number): string {
    const name = this.#set.contentName(id);
    return `${FOLDER}${name.slice(0, 2)}/${name}.${String(number).padStart(6, '0')}`;
  }

  #remember(id: AttachmentId, size: number): void {
    this.#known.set(id, size);
    if (this.#known.size <= REMEMBERED) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }
}

function pieceCount(size: number): number {
  return Math.max(1, Math.ceil(size / PIECE_OCTETS));
}

/** Damage is told as `internal`, and passes by no waiting. */
function isLacking({ code }: MailError): boolean {
  return code === 'attachment-not-found' || code === 'internal';
}
