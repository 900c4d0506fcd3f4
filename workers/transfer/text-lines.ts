/** Octets of a file as lines, each with its line end. A line longer than the limit comes in pieces. */
export interface TextLine {
  readonly octets: Buffer;
  /** False for the further pieces of a long line. */
  readonly isStart: boolean;
}

const MAX_PIECE = 64 * 1024;
const LF = 0x0a;

export async function* readLines(source: AsyncIterable<Buffer>): AsyncIterable<TextLine> {
  let pending: Buffer = Buffer.alloc(0);
  let isStart = true;
  for await (const chunk of source) {
    let rest: Buffer = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (let end = rest.indexOf(LF); end >= 0; end = rest.indexOf(LF)) {
      yield { octets: rest.subarray(0, end + 1), isStart };
      isStart = true;
      rest = rest.subarray(end + 1);
    }
    if (rest.length >= MAX_PIECE) {
      // A CR at the very end may belong to a CRLF that is still to come.
      const cut = rest.at(-1) === 0x0d ? rest.length - 1 : rest.length;
      yield { octets: rest.subarray(0, cut), isStart };
      isStart = false;
      rest = rest.subarray(cut);
    }
    pending = rest;
  }
  if (pending.length > 0) yield { octets: pending, isStart };
}

/**
 * Files on a Unix disk often end their lines with LF where mail has CRLF: where the first line of a message does,
 * every bare LF becomes CRLF. A message whose first line ends with CRLF stays as it is, to the octet.
 */
export class LineEnds {
  #isBare: boolean | undefined;

  apply(octets: Buffer): Buffer {
    if (octets.at(-1) !== LF) return octets;
    const isBareHere = octets.at(-2) !== 0x0d;
    this.#isBare ??= isBareHere;
    if (!this.#isBare || !isBareHere) return octets;
    return Buffer.concat([octets.subarray(0, -1), Buffer.from('\r\n')]);
  }
}
