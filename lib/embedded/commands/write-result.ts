import { DuplicateKeyError } from '../catalog/records.ts';
import { BsonType } from '../bson/types.ts';
import { bigOf, binaryOf, fieldNamed } from '../bson/value.ts';
import type { DocumentWriter } from '../bson/write.ts';
import { codeNameOf, EngineError } from '../errors/failure.ts';
import type { Context } from './context.ts';
import type { Request } from './request.ts';
import type { RetryLog } from './retry-table.ts';

/** Statements that failed while others of their command went on. */
export class WriteErrors {
  readonly #errors: { readonly at: number; readonly error: EngineError }[] = [];

  /** @throws whatever is not an EngineError: a fault of the engine concerns the whole command */
  add(at: number, error: unknown): void {
    if (!(error instanceof EngineError)) throw error;
    this.#errors.push({ at, error });
  }

  writeTo(writer: DocumentWriter): void {
    if (this.#errors.length === 0) return;
    writer.openArray('writeErrors');
    this.#errors.forEach(({ at, error }, position) => {
      writer.openDocument(String(position)).int('index', at).int('code', error.code);
      writer.string('codeName', codeNameOf(error.code)).string('errmsg', error.message);
      writeKeys(writer, error);
      writer.close();
    });
    writer.close();
  }
}

/** Which key it was that a duplicate-key error is about. */
export function writeKeys(writer: DocumentWriter, error: EngineError): void {
  if (!(error instanceof DuplicateKeyError)) return;
  writer.raw('keyPattern', error.keyPattern).raw('keyValue', error.keyValue);
}

export function writeReply(writer: DocumentWriter, errors: WriteErrors): Buffer {
  errors.writeTo(writer);
  return writer.double('ok', 1).finish();
}

/** The log of a retryable write; undefined where the client did not ask for one. */
export function openRetryLog(context: Context, request: Request): RetryLog | undefined {
  const number = request.options.get('txnNumber');
  if (number === undefined) return undefined;
  const session = request.options.document('lsid');
  const id = session === undefined ? undefined : fieldNamed(session, 'id');
  if (number.type !== BsonType.long || id?.type !== BsonType.binary) {
    throw new EngineError(72, 'txnNumber must be a long and comes with an lsid');
  }
  return context.retries.open(binaryOf(id).data, bigOf(number));
}
