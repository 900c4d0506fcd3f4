import { randomBytes } from 'node:crypto';
import { BsonType } from '../bson/types.ts';
import type { Value } from '../bson/value.ts';

const PROCESS = randomBytes(5);
let counter = randomBytes(3).readUIntBE(0, 3);

/** A fresh ObjectId: seconds, five octets of this process, a counter. */
export function newObjectId(now: number): Value {
  const octets = Buffer.alloc(12);
  octets.writeUInt32BE(Math.floor(now / 1000) >>> 0);
  PROCESS.copy(octets, 4);
  counter = (counter + 1) & 0xffffff;
  octets.writeUIntBE(counter, 9, 3);
  return { type: BsonType.objectId, octets, start: 0, end: 12 };
}
