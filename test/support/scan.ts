import { createMimeScanner } from '../../lib/mime/index.ts';
import type { MimeLimits, MimeSink, ScannedMessage } from '../../lib/mime/index.ts';

/** What a sink was given: its calls, runs of octets joined. */
export interface Recording {
  readonly scanned: ScannedMessage;
  /** `literal`, `leaf 3` or `end 3`, with the octets. */
  readonly calls: readonly { readonly what: string; readonly octets: Buffer }[];
  /** All octets in order. */
  readonly octets: Buffer;
}

/** Scans a message written in pieces of the given size. */
export function scanAndRecord(octets: Buffer, chunkOctets: number, limits?: MimeLimits): Recording {
  const calls: { what: string; pieces: Buffer[] }[] = [];
  const add = (what: string, piece: Buffer): void => {
    const last = calls.at(-1);
    // Copies: what the sink is given is valid during the call only.
    if (last?.what === what && piece.length > 0) last.pieces.push(Buffer.from(piece));
    else calls.push({ what, pieces: [Buffer.from(piece)] });
  };
  let leaf = -1;
  const sink: MimeSink = {
    literal: (piece) => add('literal', piece),
    leafStart: (start) => {
      leaf = start.index;
      add(`leaf ${leaf}`, Buffer.alloc(0));
    },
    leafOctets: (piece) => add(`leaf ${leaf}`, piece),
    leafEnd: (index) => add(`end ${index}`, Buffer.alloc(0)),
  };
  const scanner = createMimeScanner(sink, limits);
  for (let start = 0; start < octets.length; start += chunkOctets) {
    // A buffer of its own that is overwritten afterwards, as sockets do.
    const chunk = Buffer.from(octets.subarray(start, start + chunkOctets));
    scanner.write(chunk);
    chunk.fill(0x21);
  }
  const scanned = scanner.end();
  const joined = calls.map(({ what, pieces }) => ({ what, octets: Buffer.concat(pieces) }));
  return { scanned, calls: joined, octets: Buffer.concat(joined.map((call) => call.octets)) };
}

/** Scans a message in one write. */
export function scan(octets: Buffer | string, limits?: MimeLimits): ScannedMessage {
  return scanAndRecord(typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets, 65536, limits).scanned;
}
