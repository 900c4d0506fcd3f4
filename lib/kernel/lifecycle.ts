import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

/** How long a stop may take. */
export interface StopDeadline {
  /** Aborted when the time is over: what still runs is to be cut off. */
  readonly signal: AbortSignal;
  /** Milliseconds until then, 0 when it is over. */
  leftMs(): number;
}

/** Something that runs until it is told to stop. */
export interface Service {
  readonly name: string;
  /** Lets what is under way finish and resolves when nothing is left, at the deadline at the latest. */
  stop(deadline: StopDeadline): Promise<void>;
}

/** What has been started, so that it can be stopped in the reverse order. */
export interface Lifecycle {
  /** Services started together; they are stopped together, after everything added later. */
  add(...services: readonly Service[]): void;
  /**
   * Stops everything, last first. Nothing that fails or hangs keeps the rest from being stopped. A second call
   * gives the first one's promise.
   * @param drainMs for all of it, in milliseconds
   * @returns names of the services that failed or were still running when the time was over
   */
  stop(drainMs: number): Promise<readonly string[]>;
}

export function createLifecycle(logger: Logger, clock: Clock): Lifecycle {
  const groups: (readonly Service[])[] = [];
  let stopping: Promise<readonly string[]> | undefined;

  const stopAll = async (drainMs: number): Promise<readonly string[]> => {
    const controller = new AbortController();
    // It must fire even where nothing else keeps the process alive, so not AbortSignal.timeout.
    const timer = setTimeout(() => controller.abort(), drainMs);
    const endsAt = clock.monotonic() + drainMs;
    const deadline: StopDeadline = {
      signal: controller.signal,
      leftMs: () => Math.max(0, endsAt - clock.monotonic()),
    };
    const failed: string[] = [];
    for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
      await Promise.all(
        group.map(async (service) => {
          if (!(await stopOne(service, deadline, logger))) failed.push(service.name);
        }),
      );
    }
    clearTimeout(timer);
    return failed;
  };

  return {
    add: (...services) => void groups.push(services),
    stop: (drainMs) => (stopping ??= stopAll(drainMs)),
  };
}

/** After the deadline a service gets this long to cut off what still runs, in milliseconds. */
const CUT_OFF_MS = 500;

async function stopOne(service: Service, deadline: StopDeadline, logger: Logger): Promise<boolean> {
  const timer = Promise.withResolvers<'late'>();
  let cutOff: NodeJS.Timeout | undefined;
  const onDeadline = (): void => {
    cutOff = setTimeout(() => timer.resolve('late'), CUT_OFF_MS);
  };
  if (deadline.signal.aborted) onDeadline();
  else deadline.signal.addEventListener('abort', onDeadline, { once: true });
  try {
    const outcome = await Promise.race([service.stop(deadline).then(() => 'stopped' as const), timer.promise]);
    if (outcome === 'stopped') return true;
    logger.warn({ service: service.name }, 'did not stop in time');
  } catch (error) {
    logger.error({ service: service.name, err: error }, 'failed to stop');
  } finally {
    clearTimeout(cutOff);
    deadline.signal.removeEventListener('abort', onDeadline);
  }
  return false;
}
