import { BsonType } from '../bson/types.ts';
import { entriesOf, stringOf } from '../bson/value.ts';
import { UnsupportedError } from '../errors/failure.ts';
import type { Options } from './request.ts';

/** The name of the index that a client asks for; a key pattern is named as drivers do by default. */
export function hintOf(options: Options): string | undefined {
  const hint = options.get('hint');
  if (hint === undefined) return undefined;
  checkCollation(options);
  if (hint.type === BsonType.string) return stringOf(hint);
  if (hint.type !== BsonType.object) throw new UnsupportedError(72, 'This kind of hint');
  const parts = entriesOf(hint).map(([path, value]) => [path, value.octets.readInt32LE(value.start)] as const);
  if (parts.length === 1 && parts[0]?.[0] === '_id') return '_id_';
  return parts.map(([path, direction]) => `${path}_${direction}`).join('_');
}

/** Only the plain order of octets is known. */
export function checkCollation(options: Options): void {
  const collation = options.document('collation');
  if (collation === undefined) return;
  const locale = entriesOf(collation);
  const isSimple = locale.length === 1 && locale[0]?.[0] === 'locale' && stringOf(locale[0][1]) === 'simple';
  if (!isSimple) throw new UnsupportedError(72, 'A collation');
}
