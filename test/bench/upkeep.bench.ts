import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Binary, MongoClient, type Collection } from 'mongodb';
import { attachEmbedded } from '../../lib/embedded/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import type { Bench, Report } from './bench.ts';

const DOCUMENTS = 40_000;
const LEAST_READS = 500;

interface Row {
  readonly _id: number;
  readonly group: number;
  readonly data: Binary;
}

/** Milliseconds that reads of single documents take, one after another, while something else is done. */
async function readsDuring(rows: Collection<Row>, work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  const state = { isOver: false };
  const working = work().finally(() => (state.isOver = true));
  for (let n = 0; !state.isOver || times.length < LEAST_READS; n += 1) {
    const began = performance.now();
    await rows.findOne({ _id: ((n * 7919) % (DOCUMENTS / 4)) * 4 });
    times.push(performance.now() - began);
  }
  await working;
  return times.sort((a, b) => a - b);
}

async function measure(report: Report): Promise<void> {
  const directory = await temporaryDirectory('bench-upkeep');
  const engine = await attachEmbedded({ dataDir: join(directory, 'data'), logger: silentLogger });
  const client = new MongoClient(engine.uri, { maxPoolSize: 4 });
  const admin = client.db('admin');
  const rows = client.db('t').collection<Row>('rows');
  const told = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    const began = performance.now();
    let done = 0;
    const times = await readsDuring(rows, () => work().finally(() => (done = performance.now() - began)));
    const at = (part: number): string => (times[Math.floor((times.length - 1) * part)] ?? 0).toFixed(2);
    report.line(
      `${what.padEnd(12)} ${done.toFixed(0).padStart(6)} ms; ${times.length} reads beside it: ` +
        `p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)} ms`,
    );
  };
  try {
    for (let from = 0; from < DOCUMENTS; from += 500) {
      await rows.insertMany(
        Array.from({ length: 500 }, (_, n) => ({
          _id: from + n,
          group: n,
          data: new Binary(Buffer.alloc([200, 900, 2500, 6000][n % 4] as number, n)),
        })),
      );
    }
    await rows.createIndex({ group: 1 }, {}, {});
    await told('nothing', async () => undefined);
    await told('scan', () => rows.countDocuments({ data: new Binary(Buffer.from('nowhere')) }));
    await told('check', () => admin.command({ eiderCheck: 1 }));
    await told('copy', () => admin.command({ eiderBackup: 1, path: join(directory, 'copy.sqlite') }));
    for (const rest of [1, 2, 3]) await rows.deleteMany({ _id: { $mod: [4, rest] } });
    await told('compaction', () => client.db('t').command({ compact: 'rows' }));
  } finally {
    await client.close();
    await engine.close();
    await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

export const bench: Bench = {
  title: 'reads of single documents while the embedded engine scans, checks, copies and compacts',
  run: measure,
};
