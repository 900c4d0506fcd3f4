import { ConnectionLost } from './faults.ts';

/** What the output needs of a socket. */
export interface OutputSink {
  readonly writableLength: number;
  readonly writableNeedDrain: boolean;
  write(octets: Buffer): boolean;
  cork(): void;
  uncork(): void;
}

/** Octets that may wait for one client. */
export interface OutputMarks {
  /** From here on nothing more is produced until the client has read. */
  readonly pauseOctets: number;
  /** As `pauseOctets`, for the octets of messages, of which there is no end. */
  readonly streamOctets: number;
  /** Past it the connection is closed. */
  readonly closeOctets: number;
  /** How long a client may take nothing at all while it is waited for. */
  readonly stallMs: number;
}

const FLUSH_OCTETS = 64 * 1024;
/** Shorter buffers are cheaper as text. */
const SMALL_OCTETS = 2048;

/**
 * Gathers what is written in one turn of the event loop and hands it to the socket at once. Text has one character
 * for each octet.
 */
export class Output {
  #sink: OutputSink;
  readonly #marks: OutputMarks;
  readonly #onOverflow: (reason: string) => void;
  #text = '';
  #chunks: Buffer[] = [];
  #chunkOctets = 0;
  #isScheduled = false;
  #isClosed = false;
  #waiters: (() => void)[] = [];

  constructor(sink: OutputSink, marks: OutputMarks, onOverflow: (reason: string) => void) {
    this.#sink = sink;
    this.#marks = marks;
    this.#onOverflow = onOverflow;
  }

  /** Octets written and not yet given to the network. */
  get waitingOctets(): number {
    return this.#text.length + this.#chunkOctets + this.#sink.writableLength;
  }

  get isFull(): boolean {
    return this.waitingOctets >= this.#marks.pauseOctets;
  }

  write(text: string): void {
    this.#text += text;
    this.#written();
  }

  /** The octets are not copied: the caller leaves them alone from now on. */
  writeOctets(octets: Buffer): void {
    if (octets.length <= SMALL_OCTETS) {
      this.#text += octets.toString('latin1');
    } else {
      this.#closeText();
      this.#chunks.push(octets);
      this.#chunkOctets += octets.length;
    }
    this.#written();
  }

  /** Hands over what has been gathered. */
  flush(): void {
    this.#closeText();
    const chunks = this.#chunks;
    if (chunks.length === 0 || this.#isClosed) return;
    this.#chunks = [];
    this.#chunkOctets = 0;
    this.#sink.cork();
    for (const chunk of chunks) this.#sink.write(chunk);
    this.#sink.uncork();
  }

  /** Resolves at once below the mark, else when the client has read. @throws ConnectionLost */
  async ready(): Promise<void> {
    await this.#below(this.#marks.pauseOctets);
  }

  /** Writes exactly `size` octets from pieces, no faster than the client reads. @throws ConnectionLost */
  async stream(pieces: AsyncIterable<Buffer>, size: number): Promise<void> {
    let left = size;
    for await (const piece of pieces) {
      const taken = piece.length > left ? piece.subarray(0, left) : piece;
      left -= taken.length;
      this.writeOctets(taken);
      if (left === 0) break;
      await this.#below(this.#marks.streamOctets);
    }
    if (left > 0) throw new Error(`A stream ended ${left} octets early`);
  }

  /** The socket has been wrapped in TLS. */
  attach(sink: OutputSink): void {
    this.flush();
    this.#sink = sink;
  }

  /** The socket has taken all it had. */
  drained(): void {
    this.#release();
  }

  /** What has been handed over is still sent; whatever is written from now on is dropped. */
  close(): void {
    this.#isClosed = true;
    this.#text = '';
    this.#chunks = [];
    this.#chunkOctets = 0;
    this.#release();
  }

  async #below(mark: number): Promise<void> {
    if (this.#isClosed) throw new ConnectionLost('Connection is closed');
    if (this.waitingOctets < mark) return;
    this.flush();
    while (!this.#hasClosed() && this.waitingOctets >= mark && this.#sink.writableNeedDrain) {
      const before = this.waitingOctets;
      const isDrained = await this.#drain();
      if (!isDrained && this.waitingOctets >= before) this.#onOverflow('Output stalled');
    }
    // Read anew: closing happens while waiting.
    if (this.#hasClosed()) throw new ConnectionLost('Connection is closed');
  }

  #hasClosed(): boolean {
    return this.#isClosed;
  }

  /** False where the time ran out. */
  async #drain(): Promise<boolean> {
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => {
        resolve(false);
      }, this.#marks.stallMs);
      this.#waiters.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  #release(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }

  #closeText(): void {
    if (this.#text === '') return;
    const chunk = Buffer.from(this.#text, 'latin1');
    this.#text = '';
    this.#chunks.push(chunk);
    this.#chunkOctets += chunk.length;
  }

  #written(): void {
    if (this.#isClosed) {
      this.close();
      return;
    }
    if (this.waitingOctets > this.#marks.closeOctets) {
      this.#onOverflow('Too much output waits');
      return;
    }
    if (this.#text.length + this.#chunkOctets >= FLUSH_OCTETS) {
      this.flush();
    } else if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(() => {
        this.#isScheduled = false;
        this.flush();
      });
    }
  }
}
