import { decodeHeaderText } from './encoded-words.ts';

const BLOB = /^\[[^[\]]*\]\s*/;
const REPLY = /^(?:re|fwd?)\s*/i;

/** What SORT and THREAD compare (RFC 5256 section 2.1). */
export interface BaseSubject {
  readonly text: string;
  /** Whether something was taken away that marks a reply or a forwarded message. */
  readonly isReplyOrForward: boolean;
}

/**
 * The subject without what replies, forwarding and mailing lists put round it. In one pass from either end: each step
 * takes characters away for good.
 * @param subject unfolded, one character an octet (latin1), encoded words not decoded
 */
export function baseSubject(subject: string): BaseSubject {
  let text = decodeHeaderText(subject).replace(/\s+/g, ' ').trim();
  let isReplyOrForward = false;
  for (;;) {
    const before = text;
    // (2) trailers
    while (/\(fwd\)$/i.test(text.slice(-5))) {
      text = text.slice(0, -5).trimEnd();
      isReplyOrForward = true;
    }
    // (3)–(5) leaders, and blobs where something is left behind them
    for (;;) {
      const leader = leaderLength(text);
      const blob = BLOB.exec(text.slice(0, MAX_BLOB))?.[0].length ?? 0;
      if (leader > 0) isReplyOrForward = true;
      if (leader === 0 && (blob === 0 || blob >= text.length)) break;
      text = text.slice(leader > 0 ? leader : blob);
    }
    // (6) a forwarded subject in brackets
    if (/^\[fwd:/i.test(text.slice(0, 5)) && text.endsWith(']')) {
      text = text.slice(5, -1).trim();
      isReplyOrForward = true;
    }
    if (text === before) return { text, isReplyOrForward };
  }
}

/** A blob longer than this is text. */
const MAX_BLOB = 256;
/** Blobs in one leader; more of them are text. */
const MAX_BLOBS = 16;

/** How long `*subj-blob ("re" / "fw" / "fwd") *WSP [subj-blob] ":"` and the blanks behind it are; 0 where there is none. */
function leaderLength(text: string): number {
  let position = 0;
  for (let blobs = 0; blobs <= MAX_BLOBS; blobs += 1) {
    const rest = text.slice(position, position + MAX_BLOB);
    const reply = REPLY.exec(rest);
    if (reply !== null) {
      position += reply[0].length;
      position += BLOB.exec(text.slice(position, position + MAX_BLOB))?.[0].length ?? 0;
      if (text[position] !== ':') return 0;
      position += 1;
      return text[position] === ' ' ? position + 1 : position;
    }
    const blob = BLOB.exec(rest)?.[0].length ?? 0;
    if (blob === 0) return 0;
    position += blob;
  }
  return 0;
}
