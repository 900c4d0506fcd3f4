/** A bar on a terminal's standard error; nothing where that is no terminal. */
export interface ProgressBar {
  /** @param share 0 … 1 */
  show(share: number, text: string): void;
  /** Removes it. */
  end(): void;
}

const WIDTH = 30;
/** More often nobody sees. */
const EVERY_MS = 100;

export function createProgressBar(
  clock: { monotonic(): number },
  stream: NodeJS.WriteStream = process.stderr,
): ProgressBar {
  if (!stream.isTTY) return { show: () => undefined, end: () => undefined };
  let shownAt = Number.NEGATIVE_INFINITY;
  return {
    show: (share, text) => {
      const now = clock.monotonic();
      if (now - shownAt < EVERY_MS) return;
      shownAt = now;
      const filled = Math.round(Math.min(1, Math.max(0, share)) * WIDTH);
      const percent = String(Math.floor(Math.min(1, share) * 100)).padStart(3);
      stream.write(`\r[${'#'.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${percent} %  ${text}\u001b[K`);
    },
    end: () => void stream.write('\r\u001b[K'),
  };
}
