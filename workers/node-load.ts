import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '../lib/kernel/clock.ts';
import type { NodeLoad } from '../lib/nodes/index.ts';

/** How busy this process is. */
export interface LoadMeter {
  /** One command, delivery or request. */
  count(): void;
  /** @param connections as of now, for each protocol that is served */
  serve(protocol: string, connections: () => number): void;
  /** Since it was asked the last time. */
  read(): NodeLoad;
}

const NANOSECONDS = 1e6;
/** A timer that fires so often; a process with nothing to do is not to be woken more. */
const RESOLUTION_MS = 100;

export function createLoadMeter(clock: Clock): LoadMeter {
  const served = new Map<string, () => number>();
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let commands = 0;
  let since = clock.monotonic();
  return {
    count: () => {
      commands += 1;
    },
    serve: (protocol, connections) => void served.set(protocol, connections),
    read: () => {
      const now = clock.monotonic();
      const seconds = Math.max(1, now - since) / 1000;
      // The histogram holds how long a timer of its resolution took, not how late it came.
      const lateMs = Math.max(0, delay.percentile(99) / NANOSECONDS - RESOLUTION_MS);
      const load: NodeLoad = {
        connections: new Map([...served].map(([protocol, connections]) => [protocol, connections()])),
        commandsPerSecond: Math.round((commands / seconds) * 10) / 10,
        loopDelayMs: Number.isFinite(lateMs) ? Math.round(lateMs * 10) / 10 : 0,
        memoryOctets: process.memoryUsage.rss(),
      };
      delay.reset();
      commands = 0;
      since = now;
      return load;
    },
  };
}
