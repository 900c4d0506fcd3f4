import { Binary, ObjectId, Timestamp, type Collection, type Document, type Filter } from 'mongodb';
import type { WholeCollectionWork } from './collection-layout.ts';
import { PageSize } from './page-size.ts';
import { asOctets, idOf } from './raw-documents.ts';
import { orTemporary } from './row-access.ts';

/** Keys that a walk meets at one step: those of a type from its least on, or one that no other compares with. */
type KeyStep = { readonly from: unknown } | { readonly only: unknown };

/**
 * Comparisons of queries stay within one type, so that a walk by `_id` goes through the types one after another, in the
 * order in which documents sort. A key of another type (MinKey, MaxKey, NaN) is found by counting.
 */
const STEPS: readonly KeyStep[] = [
  { only: null },
  { from: Number.NEGATIVE_INFINITY },
  { from: '' },
  { from: {} },
  { from: new Binary(Buffer.alloc(0)) },
  { from: new ObjectId(Buffer.alloc(12)) },
  { from: false },
  { from: new Date(-8_640_000_000_000_000) },
  { from: new Timestamp({ t: 0, i: 0 }) },
];

/** A place in a walk: the step that it is in, and the last key met there. */
export interface WalkPosition {
  readonly step: number;
  /** Undefined at the beginning of a step. */
  readonly after: unknown;
}

/** Documents that lie side by side, and the range of keys that they fill. */
export interface WalkPage {
  readonly documents: readonly Buffer[];
  /** Every document from where the page before ended to the last one here. */
  readonly filter: Filter<Document>;
  readonly next: WalkPosition;
}

const PAGE_OCTETS = 2 * 1024 * 1024;
const PAGE_DOCUMENTS = 500;

const WALK_START: WalkPosition = { step: 0, after: undefined };

/**
 * Goes through a collection in order of key, a page of bounded size at a time. The last page of each step has no
 * documents; its range reaches to the step's end. The key is `_id` whatever the shard key is: every document has one, and
 * every shard an index of it, so that a router merges what the shards send in order.
 */
export async function* walk(
  collection: Collection,
  work: WholeCollectionWork,
  { step: firstStep, after: firstKey }: WalkPosition = WALK_START,
): AsyncGenerator<WalkPage, void, undefined> {
  let after = firstKey;
  const size = new PageSize(PAGE_OCTETS, PAGE_DOCUMENTS);
  for (const [index, step] of [...STEPS.entries()].slice(firstStep)) {
    const end = { step: index + 1, after: undefined };
    for (;;) {
      const lower = lowerBound(step, after);
      const documents = await orTemporary(() => readPage(collection, { _id: lower }, size, work));
      const last = documents.at(-1);
      if (last === undefined || 'only' in step) {
        yield { documents, filter: { _id: lower }, next: end };
        break;
      }
      const key = idOf(last);
      yield {
        documents,
        filter: { _id: { ...lower, $lte: key } } as Filter<Document>,
        next: { step: index, after: key },
      };
      after = key;
    }
    after = undefined;
  }
}

function lowerBound(step: KeyStep, after: unknown): Record<string, unknown> {
  if ('only' in step) return { $eq: step.only };
  return after === undefined ? { $gte: step.from } : { $gt: after };
}

async function readPage(
  collection: Collection,
  filter: Filter<Document>,
  size: PageSize,
  comment: WholeCollectionWork,
): Promise<Buffer[]> {
  const documents: Buffer[] = [];
  let octets = 0;
  const cursor = collection.find(filter, { raw: true, sort: { _id: 1 }, ...size.asked, comment });
  for await (const document of cursor) {
    const raw = asOctets(document);
    documents.push(raw);
    octets += raw.length;
    if (size.isFull(octets)) break;
  }
  size.learn(documents);
  return documents;
}
