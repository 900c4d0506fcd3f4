import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { MailError } from '../kernel/errors.ts';
import { TransferredOctets } from '../kernel/transferred-octets.ts';
import { createMimeScanner, type MimeSink, type ScannedMessage } from '../mime/index.ts';
import type { IngestOptions, IngestedMessage } from './messages.ts';
import { planContent, type ContentPlan } from './plan-content.ts';
import { Spool, type SpoolOptions } from './spool.ts';

const transferred = new TransferredOctets();

/** Octets passed to the scanner between two chances for others to run. */
const SLICE_OCTETS = 64 * 1024;

/** The part table says where everything lies, so the octets need not be looked at on their way. */
export const NO_SINK: MimeSink = {
  literal: () => undefined,
  leafStart: () => undefined,
  leafOctets: () => undefined,
  leafEnd: () => undefined,
};

/** A message that was read, with what its recipients share. */
export class ReadMessage implements IngestedMessage {
  readonly dataHash: Buffer;
  readonly scanned: ScannedMessage;
  readonly plan: ContentPlan;
  readonly spool: Spool;
  readonly #shared = new Map<string, Promise<unknown>>();

  constructor(spool: Spool, dataHash: Buffer, scanned: ScannedMessage, plan: ContentPlan) {
    this.spool = spool;
    this.dataHash = dataHash;
    this.scanned = scanned;
    this.plan = plan;
  }

  get size(): number {
    return this.scanned.size;
  }

  /** Does a piece of work once for all recipients. */
  share<T>(name: string, work: () => Promise<T>): Promise<T> {
    const known = this.#shared.get(name);
    if (known !== undefined) return known as Promise<T>;
    const result = work();
    this.#shared.set(name, result);
    return result;
  }

  dispose(): Promise<void> {
    return this.spool.dispose();
  }
}

/** Reads a message into a spool; see Messages.ingest. */
export async function readMessage(
  source: AsyncIterable<Buffer>,
  options: IngestOptions,
  spoolOptions: SpoolOptions,
  attachmentOctets: number,
): Promise<ReadMessage> {
  const spool = new Spool(spoolOptions);
  try {
    const hash = createHash('sha256');
    const scanner = createMimeScanner(NO_SINK);
    let sinceBreak = 0;
    for await (const octets of source) {
      options.signal?.throwIfAborted();
      transferred.add(octets.length);
      if (spool.size + octets.length > options.maxOctets) throw new MailError('too-big', 'This message is too big');
      for (let start = 0; start < octets.length; start += SLICE_OCTETS) {
        const slice = octets.subarray(start, start + SLICE_OCTETS);
        hash.update(slice);
        scanner.write(slice);
        await spool.write(slice);
        sinceBreak += slice.length;
        if (sinceBreak >= SLICE_OCTETS) {
          sinceBreak = 0;
          await setImmediate();
        }
      }
    }
    const scanned = scanner.end();
    await spool.finish();
    return new ReadMessage(spool, hash.digest(), scanned, await planContent(spool, scanned, attachmentOctets));
  } catch (error) {
    await spool.dispose();
    throw error;
  }
}
