import type { AccountId, MessageId, UserId } from '../kernel/ids.ts';
import type { BackupSet, ObjectRef } from './backup-set.ts';
import { DamagedObject } from './sealed-object.ts';

/** A user in a backup: all that is needed to have the account back, whichever backup wrote it. */
export interface UserLine {
  readonly kind: 'user';
  readonly id: UserId;
  readonly username: string;
  /** The log that was read. */
  readonly account: AccountId;
  /** Up to where it was read. */
  readonly q: number;
  /** What that place in the journal has and no other's. */
  readonly mark: string;
  /** When reading it began, ms since 1970. */
  readonly at: number;
  readonly row: string;
  readonly addresses: readonly string[];
  /** Journal and messages in order, those of earlier backups first. */
  readonly packs: readonly ObjectRef[];
  /** The parts of the list of content. */
  readonly index: readonly ObjectRef[];
  /** Live messages whose content was not there to be read. */
  readonly lacking: readonly MessageId[];
}

/** Names whose users are gone, with the UIDVALIDITY above which a new user of the name begins. */
export interface RetiredLine {
  readonly kind: 'retired';
  readonly names: readonly { readonly key: string; readonly uidValidity: number }[];
}

export type CatalogueLine = UserLine | RetiredLine;

const PIECE_LINES = 500;
const PIECE_OCTETS = 2 * 1024 * 1024;

/** Writes lines into objects of bounded size. What is written is what an interrupted backup goes on from. */
export class CatalogueWriter {
  readonly #set: BackupSet;
  readonly #nameOf: (number: number) => string;
  readonly #refs: ObjectRef[];
  #lines: string[] = [];
  #octets = 0;

  /** @param written pieces that an interrupted backup left */
  constructor(set: BackupSet, nameOf: (number: number) => string, written: readonly ObjectRef[]) {
    this.#set = set;
    this.#nameOf = nameOf;
    this.#refs = [...written];
  }

  async add(line: CatalogueLine): Promise<void> {
    const text = JSON.stringify(line);
    this.#lines.push(text);
    this.#octets += text.length;
    if (this.#lines.length >= PIECE_LINES || this.#octets >= PIECE_OCTETS) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#lines.length === 0) return;
    const octets = Buffer.from(`${this.#lines.join('\n')}\n`);
    this.#lines = [];
    this.#octets = 0;
    this.#refs.push(await this.#set.write(this.#nameOf(this.#refs.length + 1), octets));
  }

  async finish(): Promise<readonly ObjectRef[]> {
    await this.flush();
    return this.#refs;
  }
}

/**
 * @param onDamage called for each piece that cannot be read, which is passed over; without it that is thrown
 * @throws DamagedObject, WrongKey
 */
export async function* readCatalogue(
  set: BackupSet,
  pieces: readonly ObjectRef[],
  onDamage?: (sentence: string) => void,
): AsyncGenerator<CatalogueLine, void, undefined> {
  for (const piece of pieces) {
    let lines: CatalogueLine[] = [];
    try {
      lines = linesIn(piece.name, await set.read(piece));
    } catch (error) {
      if (onDamage === undefined || !(error instanceof DamagedObject)) throw error;
      onDamage(`${error.message}; every user in this piece of the catalogue is left out`);
    }
    yield* lines;
  }
}

/** @throws DamagedObject */
export function linesIn(name: string, octets: Buffer): CatalogueLine[] {
  try {
    const lines = octets.toString('utf8').split('\n').slice(0, -1);
    return lines.map((line) => withParts(JSON.parse(line) as CatalogueLine));
  } catch (error) {
    throw new DamagedObject(name, 'a line cannot be read', { cause: error });
  }
}

/** Lists of content were one object each, or none, before they came in parts. */
function withParts(line: CatalogueLine): CatalogueLine {
  if (line.kind !== 'user') return line;
  const index = line.index as readonly ObjectRef[] | ObjectRef | undefined;
  return { ...line, index: index === undefined ? [] : [index].flat() };
}

/** The users of a backup, in order of id. @throws DamagedObject, WrongKey */
export async function* readUsers(
  set: BackupSet,
  pieces: readonly ObjectRef[],
): AsyncGenerator<UserLine, void, undefined> {
  for await (const line of readCatalogue(set, pieces)) if (line.kind === 'user') yield line;
}
