import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { numericOf, toDouble } from '../bson/number.ts';
import { BsonType, isNumeric, typeName } from '../bson/types.ts';
import { binaryOf, elementsOf, entriesOf, fieldNamed, stringOf, valuesOf, type Value } from '../bson/value.ts';
import { asBoolean } from '../query/parse.ts';
import type { CursorOwner } from './cursors.ts';

/** What the driver adds to any command. */
const GENERIC_OPTIONS = new Set([
  ...[
    '$db',
    'lsid',
    'txnNumber',
    '$clusterTime',
    '$readPreference',
    'readConcern',
    'writeConcern',
    'maxTimeMS',
    'comment',
  ],
  ...['apiVersion', 'apiStrict', 'apiDeprecationErrors', 'autocommit', 'startTransaction'],
]);
const READ_CONCERNS = new Set(['local', 'available', 'majority', 'linearizable']);

/** A command's own options by name, each read once with its type checked. */
export class Options {
  readonly #values: Map<string, Value>;
  readonly #subject: string;

  /** @param subject what the options belong to, for messages: a command or one of its statements */
  constructor(document: Value, subject: string) {
    this.#values = new Map(entriesOf(document));
    this.#subject = subject;
  }

  /** @throws UnsupportedError for any option but these, and those that `others` knows */
  allow(allowed: ReadonlySet<string>, others?: (name: string) => boolean): void {
    for (const name of this.#values.keys()) {
      if (!allowed.has(name) && others?.(name) !== true)
        throw new UnsupportedError(72, `Option '${name}' of ${this.#subject}`);
    }
  }

  get(name: string): Value | undefined {
    const value = this.#values.get(name);
    return value?.type === BsonType.null ? undefined : value;
  }

  #typed(name: string, type: number): Value | undefined {
    const value = this.get(name);
    if (value !== undefined && value.type !== type) {
      throw new EngineError(14, `'${this.#subject}.${name}' is ${typeName(value.type)}, expected ${typeName(type)}`);
    }
    return value;
  }

  document(name: string): Value | undefined {
    return this.#typed(name, BsonType.object);
  }

  array(name: string): Value[] | undefined {
    const value = this.#typed(name, BsonType.array);
    return value === undefined ? undefined : valuesOf(value);
  }

  text(name: string): string | undefined {
    const value = this.#typed(name, BsonType.string);
    return value === undefined ? undefined : stringOf(value);
  }

  requiredText(name: string): string {
    const text = this.text(name);
    if (text === undefined) throw new EngineError(9, `'${this.#subject}.${name}' is missing`);
    return text;
  }

  bool(name: string): boolean | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : asBoolean(value, `${this.#subject}.${name}`);
  }

  /** A whole number of any numeric type, at least `least`. */
  integer(name: string, least = 0): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    if (!isNumeric(value.type)) throw new EngineError(14, `'${this.#subject}.${name}' must be a number`);
    const number = toDouble(numericOf(value));
    if (!Number.isInteger(number)) throw new EngineError(9, `'${this.#subject}.${name}' must be a whole number`);
    if (number < least) throw new EngineError(51024, `'${this.#subject}.${name}' must be at least ${least}`);
    return number;
  }
}

/** One command as it came: its body, its document sequences, and where it came from. */
export interface Request {
  /** In the letters that it was sent with. */
  readonly command: string;
  readonly database: string;
  readonly body: Value;
  readonly options: Options;
  /** Document sequences (OP_MSG sections of kind 1) by their names. */
  readonly sequences: ReadonlyMap<string, readonly Value[]>;
  readonly connectionId: number;
  /** Monotonic milliseconds after which the command gives up; undefined for none. */
  readonly deadline: number | undefined;
}

/**
 * A list that comes as a document sequence or as an array in the body.
 * @throws EngineError where it is neither, or empty, or beyond MongoDB's 100,000
 */
export function statementsOf(request: Request, name: string): readonly Value[] {
  const statements = request.sequences.get(name) ?? request.options.array(name);
  if (statements === undefined) throw new EngineError(40414, `'${request.command}.${name}' is missing`);
  if (statements.length === 0 || statements.length > 100_000) {
    throw new EngineError(16, `Write batch sizes must be between 1 and 100000. Got ${statements.length} operations.`);
  }
  for (const statement of statements) {
    if (statement.type !== BsonType.object) throw new EngineError(14, `'${request.command}.${name}' must hold objects`);
  }
  return statements;
}

/** @throws where the command has options besides its own and those of every command, or asks for what cannot be given */
export function checkOptions(request: Request, own: readonly string[]): void {
  const { command, sequences } = request;
  request.options.allow(GENERIC_OPTIONS, (name) => name === command || own.includes(name) || sequences.has(name));
  checkGeneric(request.options);
  for (const name of request.sequences.keys()) {
    if (!own.includes(name)) throw new UnsupportedError(72, `Document sequence '${name}' of ${request.command}`);
  }
}

function checkGeneric(options: Options): void {
  const isTransaction = options.get('autocommit') !== undefined || options.get('startTransaction') !== undefined;
  if (isTransaction) throw new UnsupportedError(263, 'A transaction of several statements');
  const readConcern = options.document('readConcern');
  if (readConcern !== undefined) {
    const read = new Options(readConcern, 'readConcern');
    read.allow(new Set(['level', 'afterClusterTime']));
    const level = read.text('level') ?? 'local';
    if (!READ_CONCERNS.has(level)) throw new UnsupportedError(72, `Read concern ${level}`);
  }
  const writeConcern = options.document('writeConcern');
  if (writeConcern !== undefined) checkWriteConcern(writeConcern);
}

/** Every commit is durable before it is answered, which satisfies whatever one machine can. */
function checkWriteConcern(document: Value): void {
  const write = new Options(document, 'writeConcern');
  write.allow(new Set(['w', 'j', 'journal', 'fsync', 'wtimeout', 'wtimeoutMS']));
  const w = write.get('w');
  if (w === undefined) return;
  const isMajority = w.type === BsonType.string && stringOf(w) === 'majority';
  const count = isNumeric(w.type) ? toDouble(numericOf(w)) : NaN;
  if (!isMajority && count !== 0 && count !== 1) throw new EngineError(100, 'Not enough data-bearing nodes');
}

/** The logical session of a command, as the octets of its id; undefined where it has none. */
export function sessionOf(request: Request): string | undefined {
  const session = request.options.document('lsid');
  return session === undefined ? undefined : sessionIdIn(session);
}

/** @param session a document such as `lsid` */
export function sessionIdIn(session: Value): string | undefined {
  const id = fieldNamed(session, 'id');
  return id?.type === BsonType.binary ? binaryOf(id).data.toString('latin1') : undefined;
}

/** Who a cursor opened by a command belongs to. */
export function ownerOf(request: Request): CursorOwner {
  return { connectionId: request.connectionId, session: sessionOf(request) };
}

/** The first field's name, which is the command's; empty for an empty document. */
export function commandName(body: Value): string {
  const elements = elementsOf(body);
  return elements.next() ? elements.name() : '';
}
