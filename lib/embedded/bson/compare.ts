import { compareNumeric, numericOf, readLong } from './number.ts';
import { BsonType, Rank, rankOf } from './types.ts';
import { Elements, type Value } from './value.ts';

/** MongoDB's total order of BSON values; negative, zero or positive. */
export function compareValues(a: Value, b: Value): number {
  const rank = rankOf(a.type);
  const byRank = rank - rankOf(b.type);
  return byRank !== 0 ? byRank : compareSameRank(rank, a, b);
}

/** As `compareValues`, for values known to be of one rank. */
export function compareSameRank(rank: number, a: Value, b: Value): number {
  switch (rank) {
    case Rank.number:
      if (a.type === BsonType.int && b.type === BsonType.int) {
        return a.octets.readInt32LE(a.start) - b.octets.readInt32LE(b.start);
      }
      return compareNumeric(numericOf(a), numericOf(b));
    case Rank.string:
      return a.octets.compare(b.octets, b.start + 4, b.end - 1, a.start + 4, a.end - 1);
    case Rank.object:
    case Rank.array:
      return compareDocuments(a, b, rank === Rank.object);
    case Rank.binary: {
      const byLength = a.end - a.start - (b.end - b.start);
      return byLength !== 0 ? byLength : a.octets.compare(b.octets, b.start + 4, b.end, a.start + 4, a.end);
    }
    case Rank.objectId:
      return a.octets.compare(b.octets, b.start, b.end, a.start, a.end);
    case Rank.boolean:
      return (a.octets[a.start] as number) - (b.octets[b.start] as number);
    case Rank.date:
      return compareNumeric(readLong(a.octets, a.start), readLong(b.octets, b.start));
    case Rank.timestamp: {
      const bySeconds = a.octets.readUInt32LE(a.start + 4) - b.octets.readUInt32LE(b.start + 4);
      return bySeconds !== 0 ? bySeconds : a.octets.readUInt32LE(a.start) - b.octets.readUInt32LE(b.start);
    }
    case Rank.regex: {
      // Two strings, each ended by NUL, compare as they lie.
      return a.octets.compare(b.octets, b.start, b.end, a.start, a.end);
    }
    default:
      return 0;
  }
}

function compareDocuments(a: Value, b: Value, withNames: boolean): number {
  const left = new Elements(a.octets, a.start);
  const right = new Elements(b.octets, b.start);
  for (;;) {
    const hasLeft = left.next();
    const hasRight = right.next();
    if (!hasLeft || !hasRight) return (hasLeft ? 1 : 0) - (hasRight ? 1 : 0);
    const rank = rankOf(left.type);
    const byRank = rank - rankOf(right.type);
    if (byRank !== 0) return byRank;
    if (withNames) {
      const byName = left.octets.compare(right.octets, right.nameStart, right.nameEnd, left.nameStart, left.nameEnd);
      if (byName !== 0) return byName;
    }
    const byValue = compareSameRank(rank, left.value(), right.value());
    if (byValue !== 0) return byValue;
  }
}

export function equalValues(a: Value, b: Value): boolean {
  return compareValues(a, b) === 0;
}

/** Octet for octet the same value of the same type: 1 and 1.0 differ. */
export function identicalValues(a: Value, b: Value): boolean {
  return a.type === b.type && a.octets.compare(b.octets, b.start, b.end, a.start, a.end) === 0;
}
