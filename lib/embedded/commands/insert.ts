import { fieldNamed, elementsOf, documentValue, rawOctets, type Value } from '../bson/value.ts';
import { BsonType } from '../bson/types.ts';
import { DocumentWriter } from '../bson/write.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import type { Collection } from '../catalog/collection.ts';
import { checkOptions, statementsOf, type Request } from './request.ts';
import type { Context, WriteCommand } from './context.ts';
import { newObjectId } from './object-id.ts';
import { openRetryLog, WriteErrors, writeReply } from './write-result.ts';

const DONE = new DocumentWriter(16).int('n', 1).finish();

export const insertCommand: WriteCommand = {
  writes: true,
  run: (context, request) => {
    checkOptions(request, ['documents', 'ordered', 'bypassDocumentValidation']);
    const documents = statementsOf(request, 'documents').map((document) => prepared(context, document));
    const isOrdered = request.options.bool('ordered') ?? true;
    const retries = openRetryLog(context, request);
    const errors = new WriteErrors();
    const collection = collectionFor(context, request, 'insert');
    let inserted = 0;
    for (const [at, octets] of documents.entries()) {
      if (retries?.resultOf(at) !== undefined) {
        inserted += 1;
        continue;
      }
      try {
        context.records.insert(collection, octets);
        inserted += 1;
        retries?.record(at, DONE);
      } catch (error) {
        errors.add(at, error);
        if (isOrdered) break;
      }
    }
    retries?.save();
    return writeReply(new DocumentWriter().int('n', inserted), errors);
  },
};

/** The collection that a command names, created where it is not there. */
export function collectionFor(context: Context, request: Request, option: string): Collection {
  const name = request.options.requiredText(option);
  return context.catalog.find(request.database, name) ?? context.catalog.create(request.database, name);
}

/** MongoDB puts the time in the place of an empty timestamp, which the engine does not. */
function refuseEmptyTimestamps(document: Value): void {
  const elements = elementsOf(document);
  while (elements.next()) {
    if (elements.type !== BsonType.timestamp || elements.octets.readBigUInt64LE(elements.start) !== 0n) continue;
    throw new UnsupportedError(2, 'An empty timestamp');
  }
}

/** A document as it is stored: with an `_id`, in front. @throws EngineError for an `_id` that cannot be one */
export function prepared(context: Context, document: Value): Buffer {
  refuseEmptyTimestamps(document);
  const elements = elementsOf(document);
  const isInFront = elements.next() && elements.name() === '_id';
  const id = isInFront ? elements.value() : (fieldNamed(document, '_id') ?? newObjectId(context.clock.now()));
  if (id.type === BsonType.array || id.type === BsonType.regex) {
    throw new EngineError(2, `The '_id' value cannot be of type ${id.type === BsonType.array ? 'array' : 'regex'}`);
  }
  if (isInFront) return rawOctets(document);
  const writer = new DocumentWriter(document.end - document.start + 32).value('_id', id);
  const rest = elementsOf(document);
  while (rest.next()) if (rest.name() !== '_id') writer.value(rest.name(), rest.value());
  return rawOctets(documentValue(writer.finish()));
}
