import type { CommandStartedEvent, CommandSucceededEvent, MongoClient } from 'mongodb';
import { watchLoop } from '../messages/event-loop.ts';
import { threadTime } from './processor-time.ts';

/** What something cost the process that it ran in. */
export interface Cost<T> {
  readonly result: T;
  readonly elapsedMs: number;
  /** Processor time of the thread. */
  readonly cpuMs: number;
  /** The longest that the event loop was held, in processor time. */
  readonly holdMs: number;
  /** Commands that went to the database, e.g. `find journal`. */
  readonly commands: readonly string[];
  /** Octets of Binaries that came back from it. */
  readonly octets: number;
}

export async function costOf<T>(client: MongoClient, run: () => Promise<T>): Promise<Cost<T>> {
  const commands: string[] = [];
  let octets = 0;
  const started = ({ commandName, command }: CommandStartedEvent): void => {
    const collection: unknown = command[commandName === 'getMore' ? 'collection' : commandName];
    commands.push(`${commandName} ${String(collection)}`);
  };
  const succeeded = ({ reply }: CommandSucceededEvent): void => void (octets += octetsIn(reply, 4));
  client.on('commandStarted', started);
  client.on('commandSucceeded', succeeded);
  const stop = watchLoop();
  const cpu = threadTime();
  const at = performance.now();
  try {
    const result = await run();
    const elapsedMs = performance.now() - at;
    return { result, elapsedMs, cpuMs: threadTime() - cpu, holdMs: stop(), commands, octets };
  } finally {
    stop();
    client.off('commandStarted', started);
    client.off('commandSucceeded', succeeded);
  }
}

/** Of Binaries, to a depth: what else a reply has is small. */
function octetsIn(value: unknown, depth: number): number {
  if (value instanceof Uint8Array) return value.length;
  if (typeof value !== 'object' || value === null || depth === 0) return 0;
  if ('buffer' in value && value.buffer instanceof Uint8Array) return value.buffer.length;
  let sum = 0;
  for (const inner of Object.values(value)) sum += octetsIn(inner, depth - 1);
  return sum;
}
