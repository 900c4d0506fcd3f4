/** Codes of MongoDB that the engine answers with, by the name that goes with each. */
const CODE_NAMES = new Map<number, string>([
  [1, 'InternalError'],
  [2, 'BadValue'],
  [8, 'UnknownError'],
  [9, 'FailedToParse'],
  [13, 'Unauthorized'],
  [14, 'TypeMismatch'],
  [15, 'Overflow'],
  [16, 'InvalidLength'],
  [17, 'ProtocolError'],
  [20, 'IllegalOperation'],
  [26, 'NamespaceNotFound'],
  [27, 'IndexNotFound'],
  [28, 'PathNotViable'],
  [40, 'ConflictingUpdateOperators'],
  [43, 'CursorNotFound'],
  [48, 'NamespaceExists'],
  [50, 'MaxTimeMSExpired'],
  [52, 'DollarPrefixedFieldName'],
  [53, 'InvalidIdField'],
  [54, 'NotSingleValueField'],
  [56, 'EmptyFieldName'],
  [59, 'CommandNotFound'],
  [66, 'ImmutableField'],
  [67, 'CannotCreateIndex'],
  [72, 'InvalidOptions'],
  [73, 'InvalidNamespace'],
  [85, 'IndexOptionsConflict'],
  [86, 'IndexKeySpecsConflict'],
  [91, 'ShutdownInProgress'],
  [100, 'UnsatisfiableWriteConcern'],
  [115, 'CommandNotSupported'],
  [168, 'InvalidPipelineOperator'],
  [171, 'CannotIndexParallelArrays'],
  [175, 'QueryPlanKilled'],
  [181, 'AmbiguousIndexKeyPattern'],
  [197, 'InvalidIndexSpecificationOption'],
  [225, 'TransactionTooOld'],
  [237, 'CursorKilled'],
  [241, 'ConversionFailure'],
  [257, 'TransactionTooLarge'],
  [263, 'OperationNotSupportedInTransaction'],
  [292, 'QueryExceededMemoryLimitNoDiskUseAllowed'],
  [10334, 'BSONObjectTooLarge'],
  [11000, 'DuplicateKey'],
  [12051, 'CursorInUse'],
  [14031, 'OutOfDiskSpace'],
  [22, 'InvalidBSON'],
]);

/** The name that MongoDB gives an error code; codes of single assertions are called `Location…`. */
export function codeNameOf(code: number): string {
  return CODE_NAMES.get(code) ?? `Location${code}`;
}

/** A command, or one statement of it, refused with MongoDB's error code. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** What MongoDB could do and the engine does not: refused loudly, never done halfway. */
export class UnsupportedError extends EngineError {
  constructor(code: number, what: string) {
    super(code, `${what} is not supported by the embedded engine`);
  }
}
