import { DocumentWriter } from '../bson/write.ts';
import { writeKeys } from '../commands/write-result.ts';
import { codeNameOf, EngineError } from '../errors/failure.ts';

/** SQLite's extended code, 0 for what is none of its errors. */
const extendedCode = (error: unknown): number => {
  const code: unknown = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' ? code : 0;
};

const sqliteCode = (error: unknown): number => extendedCode(error) & 0xff;

/** SQLITE_IOERR_FSYNC and SQLITE_IOERR_DIR_FSYNC. */
export function isSyncFailure(error: unknown): boolean {
  return [1034, 1290].includes(extendedCode(error));
}

/** SQLITE_FULL. */
export function isDiskFull(error: unknown): boolean {
  return sqliteCode(error) === 13;
}

/** Failures of SQLite that concern the whole transaction: out of memory, I/O, corruption, full, no database. */
export function isStoreFailure(error: unknown): boolean {
  return [7, 10, 11, 13, 26].includes(sqliteCode(error));
}

export function errorReply(error: unknown): Buffer {
  const known =
    error instanceof EngineError ? error : isDiskFull(error) ? new EngineError(14031, 'the disk is full') : undefined;
  const code = known?.code ?? 1;
  const writer = new DocumentWriter().double('ok', 0).int('code', code).string('codeName', codeNameOf(code));
  writer.string('errmsg', known?.message ?? 'internal error of the embedded engine');
  if (known !== undefined) writeKeys(writer, known);
  return writer.finish();
}
