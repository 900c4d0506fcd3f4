import { setTimeout as sleep } from 'node:timers/promises';

/** The longest that one answer may take before a client gives up on it, in milliseconds. */
const PATIENCE_MS = 40_000;

/** The promise, or an error when it takes too long. */
export async function within<T>(promise: Promise<T>, ms = PATIENCE_MS): Promise<T> {
  const timeout = new AbortController();
  const late = sleep(ms, undefined, { signal: timeout.signal }).then((): never => {
    throw new Error(`no answer within ${String(ms)} ms`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    timeout.abort();
  }
}
