import type { JournalEntryKind } from '../journal/index.ts';
import type { BackupSet, ObjectRef } from './backup-set.ts';
import { DamagedObject } from './sealed-object.ts';

/** A document of an account, as it is stored in the database. */
export interface PackEntry {
  readonly kind: JournalEntryKind | 'message';
  readonly raw: Buffer;
}

/** Octets of entries from which on a pack is written. */
const PACK_OCTETS = 8 * 1024 * 1024;
const KINDS: readonly PackEntry['kind'][] = ['checkpoint', 'segment', 'record', 'message'];
const HEAD_OCTETS = 5;

/** Gathers entries into objects of bounded size, in order. */
export class PackWriter {
  readonly #set: BackupSet;
  readonly #nameOf: (number: number) => string;
  readonly #refs: ObjectRef[] = [];
  #pieces: Buffer[] = [];
  #octets = 0;

  constructor(set: BackupSet, nameOf: (number: number) => string) {
    this.#set = set;
    this.#nameOf = nameOf;
  }

  async add({ kind, raw }: PackEntry): Promise<void> {
    if (this.#octets > 0 && this.#octets + raw.length > PACK_OCTETS) await this.#flush();
    const head = Buffer.alloc(HEAD_OCTETS);
    head[0] = KINDS.indexOf(kind);
    head.writeUInt32BE(raw.length, 1);
    this.#pieces.push(head, raw);
    this.#octets += HEAD_OCTETS + raw.length;
  }

  async finish(): Promise<readonly ObjectRef[]> {
    if (this.#octets > 0) await this.#flush();
    return this.#refs;
  }

  async #flush(): Promise<void> {
    const octets = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#octets = 0;
    this.#refs.push(await this.#set.write(this.#nameOf(this.#refs.length + 1), octets));
  }
}

/** @throws DamagedObject */
export function* entriesIn(name: string, octets: Buffer): Generator<PackEntry, void, undefined> {
  let offset = 0;
  while (offset < octets.length) {
    const kind = KINDS[octets[offset] ?? KINDS.length];
    const start = offset + HEAD_OCTETS;
    if (kind === undefined || start > octets.length) throw new DamagedObject(name, 'an entry is of no known kind');
    const end = start + octets.readUInt32BE(offset + 1);
    if (end > octets.length) throw new DamagedObject(name, 'an entry ends early');
    yield { kind, raw: octets.subarray(start, end) };
    offset = end;
  }
}
