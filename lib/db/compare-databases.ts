import { createHash } from 'node:crypto';
import { BSON, type Collection, type Document, type Filter } from 'mongodb';
import { WHOLE_COLLECTION_WORK } from './collection-layout.ts';
import { collectionNames, exactCount, keptCount } from './copy-database.ts';
import type { Database } from './database.ts';
import { asOctets, idOf, insertRaw } from './raw-documents.ts';
import { walk } from './raw-walk.ts';
import { orTemporary } from './row-access.ts';

/** What a comparison found of a collection. */
export interface CollectionSum {
  readonly collection: string;
  readonly documents: number;
  /** Of all documents, whatever their order: the sum of their SHA-256 modulo 2^256, hexadecimal. */
  readonly digest: string;
}

export interface Difference {
  readonly collection: string;
  /** The document's key, for who looks for it. */
  readonly key: string;
  /** As seen from the target. */
  readonly kind: 'missing' | 'differs' | 'stray';
}

export interface Comparison {
  readonly source: readonly CollectionSum[];
  readonly target: readonly CollectionSum[];
  readonly differences: number;
}

export interface CompareOptions {
  /** Called for each, as it is found. */
  readonly onDifference: (difference: Difference) => void;
  /** Makes the target as the source is. */
  readonly mends?: boolean;
  /** Nobody writes to the source: then every document that it counts must have been met. */
  readonly isStill?: boolean;
  readonly onProgress?: (collection: string, documents: number) => void;
}

const COMMENT = WHOLE_COLLECTION_WORK.compare;

/**
 * Reads both databases whole, side by side, and compares every document octet for octet.
 * @throws MailError `unavailable`; RangeError where a collection holds keys of a type that cannot be walked through
 */
export async function compareDatabases(
  source: Database,
  target: Database,
  options: CompareOptions,
): Promise<Comparison> {
  const comparison = { source: [] as CollectionSum[], target: [] as CollectionSum[], differences: 0 };
  const names = new Set([...(await collectionNames(source)), ...(await collectionNames(target))]);
  for (const name of [...names].sort()) {
    const run = new CollectionComparison(source.collection(name), target.collection(name), name, options);
    await run.compare();
    if (options.isStill === true) await refuseUnwalked(source, name, run.source.documents);
    comparison.source.push(run.source.finish(name));
    comparison.target.push(run.target.finish(name));
    comparison.differences += run.differences;
  }
  return comparison;
}

async function refuseUnwalked(source: Database, name: string, walked: number): Promise<void> {
  if (walked === (await keptCount(source, name, COMMENT))) return;
  const counted = await exactCount(source, name, COMMENT);
  if (walked !== counted)
    throw new RangeError(
      `${name} counts ${counted} documents, and ${walked} were met: it changes, or has keys of another type`,
    );
}

class CollectionComparison {
  readonly source = new DigestSum();
  readonly target = new DigestSum();
  differences = 0;
  readonly #from: Collection;
  readonly #to: Collection;
  readonly #name: string;
  readonly #options: CompareOptions;

  constructor(from: Collection, to: Collection, name: string, options: CompareOptions) {
    this.#from = from;
    this.#to = to;
    this.#name = name;
    this.#options = options;
  }

  async compare(): Promise<void> {
    for await (const { documents, filter } of walk(this.#from, COMMENT)) {
      const wanted = new Map<string, Buffer>();
      for (const raw of documents) {
        this.source.add(raw);
        wanted.set(keyText(raw), raw);
      }
      await this.#compareRange(filter, wanted);
      this.#options.onProgress?.(this.#name, this.source.documents);
    }
  }

  /** @param wanted what the source has in the range; emptied */
  async #compareRange(filter: Filter<Document>, wanted: Map<string, Buffer>): Promise<void> {
    const written: Buffer[] = [];
    const removed: unknown[] = [];
    // Where both sides are the same, one reply has it all and says that it is the last.
    const batchSize = wanted.size + 1;
    const cursor = this.#to.find(filter, { raw: true, sort: { _id: 1 }, batchSize, comment: COMMENT });
    await orTemporary(async () => {
      for await (const document of cursor) {
        const raw = asOctets(document);
        this.target.add(raw);
        const key = keyText(raw);
        const own = wanted.get(key);
        wanted.delete(key);
        if (own?.equals(raw) === true) continue;
        removed.push(idOf(raw));
        if (own !== undefined) written.push(own);
        this.#say(key, own === undefined ? 'stray' : 'differs');
      }
    });
    for (const [key, raw] of wanted) {
      written.push(raw);
      this.#say(key, 'missing');
    }
    if (this.#options.mends === true) await this.#mend(removed, written);
  }

  async #mend(removed: readonly unknown[], written: readonly Buffer[]): Promise<void> {
    await orTemporary(async () => {
      const those = { _id: { $in: removed } } as unknown as Filter<Document>;
      if (removed.length > 0) await this.#to.deleteMany(those, { comment: COMMENT });
      await insertRaw(this.#to, written);
    });
  }

  #say(key: string, kind: Difference['kind']): void {
    this.differences += 1;
    this.#options.onDifference({ collection: this.#name, key, kind });
  }
}

/** The key in extended JSON: distinct for distinct keys, types included. */
function keyText(raw: Buffer): string {
  return BSON.EJSON.stringify(idOf(raw), { relaxed: false });
}

class DigestSum {
  documents = 0;
  #sum = 0n;

  add(raw: Buffer): void {
    this.documents += 1;
    this.#sum += BigInt(`0x${createHash('sha256').update(raw).digest('hex')}`);
  }

  finish(collection: string): CollectionSum {
    const digest = BigInt.asUintN(256, this.#sum).toString(16).padStart(64, '0');
    return { collection, documents: this.documents, digest };
  }
}
