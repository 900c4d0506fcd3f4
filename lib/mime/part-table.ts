import { EMPTY_HEADER } from './part-header.ts';
import type { MimeLimits, MimePart } from './scanner.ts';

/** A part while it is being read. */
export type PartDraft = { -readonly [K in keyof MimePart]: MimePart[K] } & {
  children: number[];
  /** Root is 1. */
  readonly depth: number;
  /** LF octets of the message before the body. */
  lineEndsBefore: number;
  /** What the numbers of parts inside begin with: '' or `1.2`. */
  numberPrefix: string;
};

/** The parts of a message, in the order in which they begin. */
export class PartTable {
  readonly parts: PartDraft[] = [];
  readonly #limits: MimeLimits;

  constructor(limits: MimeLimits) {
    this.#limits = limits;
  }

  get isFull(): boolean {
    return this.parts.length >= this.#limits.parts;
  }

  /** Whether a part may have parts of its own. */
  mayContain(part: PartDraft): boolean {
    return !this.isFull && part.depth < this.#limits.depth;
  }

  /** A part whose header begins at the offset. */
  add(parent: PartDraft | undefined, headerStart: number): PartDraft {
    const part: PartDraft = {
      index: this.parts.length,
      parent: parent?.index ?? -1,
      children: [],
      section: '',
      kind: 'leaf',
      headerStart,
      bodyStart: headerStart,
      bodyEnd: headerStart,
      bodyLines: 0,
      ...EMPTY_HEADER,
      headerOctets: undefined,
      depth: (parent?.depth ?? 0) + 1,
      lineEndsBefore: 0,
      numberPrefix: '',
    };
    parent?.children.push(part.index);
    this.parts.push(part);
    return part;
  }

  removeLast(): void {
    const part = this.parts.pop();
    this.parts[part?.parent ?? -1]?.children.pop();
  }

  /**
   * Numbers a part once its kind is known (RFC 3501 section 6.4.5). The root of a message is no part of its own: a
   * multipart there lends its children the message's number, anything else is the message's part 1.
   */
  number(part: PartDraft): void {
    const parent = this.parts[part.parent];
    const prefix = parent?.numberPrefix ?? '';
    if (parent?.kind === 'multipart') {
      part.section = joinNumbers(prefix, parent.children.length);
      part.numberPrefix = part.section;
    } else {
      part.numberPrefix = part.kind === 'multipart' ? prefix : joinNumbers(prefix, 1);
      part.section = parent === undefined ? '' : part.numberPrefix;
    }
  }
}

function joinNumbers(prefix: string, number: number): string {
  return prefix === '' ? String(number) : `${prefix}.${number}`;
}
