const EMPTY: Buffer = Buffer.alloc(0);
const LF = 0x0a;
const CR = 0x0d;

/** The socket as the input sees it. */
export interface InputSource {
  pause(): void;
  resume(): void;
}

export type LineResult =
  /** Without its line end. */
  { readonly kind: 'line'; readonly octets: Buffer } | { readonly kind: 'incomplete' } | { readonly kind: 'too-long' };

/**
 * Octets that came and were not taken yet. What arrives while nobody takes is bounded: above the mark the source is
 * paused. Views handed out stay valid: octets are never written over.
 */
export class Input {
  readonly #source: InputSource;
  readonly #highWater: number;
  #buffer = EMPTY;
  /** Made here: the room behind `#end` may be written to. A view handed out never reaches there. */
  #isOwn = false;
  #start = 0;
  #end = 0;
  /** How far a line end has been looked for, so that a line in many pieces costs linear time. */
  #scanned = 0;
  #isPaused = false;
  #isEnded = false;
  #wake: (() => void) | undefined;

  constructor(source: InputSource, highWater: number) {
    this.#source = source;
    this.#highWater = highWater;
  }

  /** True once the peer has said its last; what came before can still be taken. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  get available(): number {
    return this.#end - this.#start;
  }

  feed(octets: Buffer): void {
    if (this.available === 0) {
      this.#buffer = octets;
      this.#isOwn = false;
      this.#start = 0;
      this.#end = octets.length;
      this.#scanned = 0;
    } else {
      this.#grow(octets.length);
      octets.copy(this.#buffer, this.#end);
      this.#end += octets.length;
    }
    if (this.available >= this.#highWater && !this.#isPaused) {
      this.#isPaused = true;
      this.#source.pause();
    }
    this.#notify();
  }

  end(): void {
    this.#isEnded = true;
    this.#notify();
  }

  /** Forgets what was not taken; for STARTTLS. */
  clear(): void {
    this.#drop(this.available);
  }

  /** Resolves when more octets have come, or the end. */
  async more(): Promise<void> {
    if (this.#isEnded) return;
    this.#resume();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Takes a line that ends in CRLF or, as some clients write, in LF alone. */
  takeLine(maxOctets: number): LineResult {
    const from = this.#start + this.#scanned;
    const window = this.#buffer.subarray(from, this.#end);
    const found = window.indexOf(LF);
    if (found < 0) {
      this.#scanned = this.available;
      // A last CR may belong to the line end.
      return this.available > maxOctets + 1 ? { kind: 'too-long' } : { kind: 'incomplete' };
    }
    const lineEnd = from + found;
    const hasCr = lineEnd > this.#start && this.#buffer[lineEnd - 1] === CR;
    const octets = this.#buffer.subarray(this.#start, hasCr ? lineEnd - 1 : lineEnd);
    if (octets.length > maxOctets) return { kind: 'too-long' };
    this.#drop(lineEnd + 1 - this.#start);
    return { kind: 'line', octets };
  }

  /** The first octets of what is waiting, without taking them. */
  peek(maxOctets: number): Buffer {
    return this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + maxOctets));
  }

  /** Takes up to so many octets of what is there; empty where nothing is. */
  take(maxOctets: number): Buffer {
    const octets = this.peek(maxOctets);
    this.#drop(octets.length);
    return octets;
  }

  #drop(count: number): void {
    this.#start += count;
    this.#scanned = 0;
    if (this.#start === this.#end) {
      this.#buffer = EMPTY;
      this.#start = 0;
      this.#end = 0;
    }
    if (this.available < this.#highWater) this.#resume();
  }

  #grow(count: number): void {
    if (this.#isOwn && this.#end + count <= this.#buffer.length) return;
    const next = Buffer.allocUnsafeSlow(Math.max(1024, 2 * (this.available + count)));
    this.#buffer.copy(next, 0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    this.#buffer = next;
    this.#isOwn = true;
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#source.resume();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
