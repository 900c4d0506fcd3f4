/** One value a message in each array, in order of UID. */
export interface ColumnArrays {
  readonly uid: Uint32Array;
  readonly flags: Uint32Array;
  readonly size: Uint32Array;
  readonly crlfSize: Uint32Array;
  readonly modseq: Float64Array;
  readonly internalAt: Float64Array;
  /** NaN where there is no date. */
  readonly sentAt: Float64Array;
  readonly savedAt: Float64Array;
  readonly internalZone: Int16Array;
  readonly sentZone: Int16Array;
  /** 16 octets a message. */
  readonly messageId: Buffer;
  readonly thread: Buffer;
  /** The same memory, 4 words a message. */
  readonly messageIdWords: Uint32Array;
  readonly threadWords: Uint32Array;
}

export function allocateArrays(capacity: number): ColumnArrays {
  const messageIdWords = new Uint32Array(capacity * 4);
  const threadWords = new Uint32Array(capacity * 4);
  return {
    uid: new Uint32Array(capacity),
    flags: new Uint32Array(capacity),
    size: new Uint32Array(capacity),
    crlfSize: new Uint32Array(capacity),
    modseq: new Float64Array(capacity),
    internalAt: new Float64Array(capacity),
    sentAt: new Float64Array(capacity),
    savedAt: new Float64Array(capacity),
    internalZone: new Int16Array(capacity),
    sentZone: new Int16Array(capacity),
    messageId: Buffer.from(messageIdWords.buffer),
    thread: Buffer.from(threadWords.buffer),
    messageIdWords,
    threadWords,
  };
}

type Column = { readonly array: Uint32Array | Float64Array | Int16Array | Buffer; readonly width: number };

/** In the order in which segments hold them, with octets a row. */
function columnsOf(arrays: ColumnArrays): readonly Column[] {
  return [
    { array: arrays.uid, width: 4 },
    { array: arrays.flags, width: 4 },
    { array: arrays.size, width: 4 },
    { array: arrays.crlfSize, width: 4 },
    { array: arrays.modseq, width: 8 },
    { array: arrays.internalAt, width: 8 },
    { array: arrays.sentAt, width: 8 },
    { array: arrays.savedAt, width: 8 },
    { array: arrays.internalZone, width: 2 },
    { array: arrays.sentZone, width: 2 },
    { array: arrays.messageId, width: 16 },
    { array: arrays.thread, width: 16 },
  ];
}

export const OCTETS_A_ROW = columnsOf(allocateArrays(0)).reduce((sum, { width }) => sum + width, 0);

/** The octets of the rows [from, to), one column after another. */
export function packArrays(arrays: ColumnArrays, from: number, to: number): Buffer {
  return Buffer.concat(columnsOf(arrays).map(({ array, width }) => octetsOf(array).subarray(from * width, to * width)));
}

/** Writes what `packArrays` gave at row `at`. */
export function unpackArrays(arrays: ColumnArrays, at: number, packed: Buffer, count: number): void {
  let offset = 0;
  for (const { array, width } of columnsOf(arrays)) {
    octetsOf(array).set(packed.subarray(offset, offset + count * width), at * width);
    offset += count * width;
  }
}

/** Copies `count` rows, from `from` on in one to `to` on in the other, which may be the same. */
export function copyRows(source: ColumnArrays, from: number, target: ColumnArrays, to: number, count: number): void {
  // Of few rows the loop is quicker than so many calls.
  if (count < 12) {
    for (let index = 0; index < count; index += 1) copyRow(source, from + index, target, to + index);
    return;
  }
  const targets = columnsOf(target);
  for (const [index, { array, width }] of columnsOf(source).entries()) {
    const into = targets[index];
    if (into !== undefined)
      octetsOf(into.array).set(octetsOf(array).subarray(from * width, (from + count) * width), to * width);
  }
}

function copyRow(source: ColumnArrays, from: number, target: ColumnArrays, to: number): void {
  target.uid[to] = source.uid[from] ?? 0;
  target.flags[to] = source.flags[from] ?? 0;
  target.size[to] = source.size[from] ?? 0;
  target.crlfSize[to] = source.crlfSize[from] ?? 0;
  target.modseq[to] = source.modseq[from] ?? 0;
  target.internalAt[to] = source.internalAt[from] ?? 0;
  target.sentAt[to] = source.sentAt[from] ?? 0;
  target.savedAt[to] = source.savedAt[from] ?? 0;
  target.internalZone[to] = source.internalZone[from] ?? 0;
  target.sentZone[to] = source.sentZone[from] ?? 0;
  for (let word = 0; word < 4; word += 1) {
    target.messageIdWords[to * 4 + word] = source.messageIdWords[from * 4 + word] ?? 0;
    target.threadWords[to * 4 + word] = source.threadWords[from * 4 + word] ?? 0;
  }
}

function octetsOf(array: Column['array']): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
