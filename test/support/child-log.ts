import type { ChildProcess } from 'node:child_process';

/** Characters that are kept. */
const KEPT = 20_000;

/** What a process says on its standard output and its standard error, as far as they are pipes. */
export class ChildLog {
  #text = '';
  #isClosed = false;
  #waiting: (() => void)[] = [];

  constructor(child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        this.#text = (this.#text + chunk).slice(-KEPT);
        this.#wake();
      });
    }
    child.once('close', () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  /** The end of what has arrived so far: what was written a moment ago may be under way yet. */
  get text(): string {
    return this.#text;
  }

  /**
   * Resolves when it has said something.
   * @throws Error where it ends without
   */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#text);
      if (found !== null) return found;
      if (this.#isClosed) throw new Error(`it ended and did not say ${String(pattern)}:\n${this.#text}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
