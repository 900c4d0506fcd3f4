import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { Binary, GridFSBucket, MongoClient, type Collection, type Db } from 'mongodb';
import { attachEmbedded } from '../../lib/embedded/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import type { Bench, Report } from './bench.ts';

const ROUNDS = 3;
const LANES = 64;
const INSERTS = 3000;
const READS = 3000;
const SCANS = 200;
const SCAN_LENGTH = 100;
const FILE_OCTETS = 24 * 1024 * 1024;
const CHUNK_OCTETS = 255 * 1024;
const BESIDE = 60_000;
const POINT_READS = 4000;
const PROMISED_P99_MS = 20;

interface Row {
  _id: number;
  key: string;
  data: Binary;
}

const DATA = randomBytes(1024);
const key = (number: number): string => `key-${String(number % 977)}`;

/** What node:sqlite does with the same rows under the same settings of durability, without anything around it. */
class RawStore {
  readonly #database: DatabaseSync;
  #next = 0;

  constructor(file: string) {
    this.#database = new DatabaseSync(file);
    this.#database.exec(`
      PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
      CREATE TABLE rows (id INTEGER PRIMARY KEY, key TEXT, data BLOB);
      CREATE INDEX byKey ON rows (key);
      CREATE TABLE chunks (id INTEGER PRIMARY KEY, data BLOB);
    `);
  }

  /** @param together how many share one commit */
  insert(count: number, together: number): void {
    const insert = this.#database.prepare('INSERT INTO rows VALUES (?, ?, ?)');
    for (let done = 0; done < count; done += together) {
      this.#database.exec('BEGIN IMMEDIATE');
      for (let n = done; n < Math.min(count, done + together); n++, this.#next++) {
        insert.run(this.#next, key(this.#next), DATA);
      }
      this.#database.exec('COMMIT');
    }
  }

  read(count: number): void {
    const get = this.#database.prepare('SELECT * FROM rows WHERE id = ?');
    for (let n = 0; n < count; n++) get.get((n * 7919) % this.#next);
  }

  scan(count: number): void {
    const all = this.#database.prepare('SELECT * FROM rows WHERE id >= ? ORDER BY id LIMIT ?');
    for (let n = 0; n < count; n++) all.all((n * 7919) % (this.#next - SCAN_LENGTH), SCAN_LENGTH);
  }

  upload(octets: Buffer): void {
    const insert = this.#database.prepare('INSERT INTO chunks (data) VALUES (?)');
    for (let at = 0; at < octets.length; at += CHUNK_OCTETS) insert.run(octets.subarray(at, at + CHUNK_OCTETS));
  }

  download(): void {
    let octets = 0;
    const rows = this.#database.prepare('SELECT data FROM chunks ORDER BY id').iterate();
    for (const { data } of rows as Iterable<{ data: Uint8Array }>) octets += data.length;
    if (octets < FILE_OCTETS) throw new Error('chunks are missing');
    this.#database.exec('DELETE FROM chunks');
  }

  close(): void {
    this.#database.close();
  }
}

/** Runs so many operations in lanes. */
async function inLanes(count: number, lanes: number, run: (number: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

async function timed(run: () => Promise<void> | void): Promise<number> {
  const startedAt = performance.now();
  await run();
  return performance.now() - startedAt;
}

/** One piece of work as the engine does it and as node:sqlite does. */
interface Pair {
  readonly what: string;
  /** What one run amounts to, in `unit`. */
  readonly amount: number;
  readonly unit: string;
  readonly engine: () => Promise<void>;
  readonly raw: () => void;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;

/** In turns, so that what else the machine does falls on both. */
async function compare(pairs: readonly Pair[], report: Report): Promise<void> {
  const times = new Map<Pair, { engine: number[]; raw: number[] }>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const pair of pairs) {
      const lists = times.get(pair) ?? { engine: [], raw: [] };
      times.set(pair, lists);
      lists.raw.push(await timed(pair.raw));
      lists.engine.push(await timed(pair.engine));
    }
  }
  for (const [{ what, amount, unit }, { engine, raw }] of times) {
    const [own, plain] = [median(engine), median(raw)];
    const rate = (ms: number): string => ((amount / ms) * 1000).toFixed(0);
    const ratio = (plain / own).toFixed(3);
    report.line(`${what}: ${rate(own)} ${unit}/s, node:sqlite ${rate(plain)} ${unit}/s, ratio ${ratio}`);
  }
}

function pairsOf(rows: Collection<Row>, db: Db, raw: RawStore): Pair[] {
  let next = 0;
  const file = randomBytes(FILE_OCTETS);
  const bucket = new GridFSBucket(db, { chunkSizeBytes: CHUNK_OCTETS });
  const mebibytes = FILE_OCTETS / 1024 / 1024;
  const insert = (): Promise<void> =>
    inLanes(INSERTS, LANES, async () => {
      const number = next++;
      await rows.insertOne({ _id: number, key: key(number), data: new Binary(DATA) });
    });
  const range = {
    what: `ranges of ${String(SCAN_LENGTH)} by _id, 4 lanes`,
    amount: SCANS * SCAN_LENGTH,
    unit: 'documents',
  };
  return [
    {
      what: `durable inserts, ${String(LANES)} lanes, against one commit each`,
      amount: INSERTS,
      unit: 'inserts',
      engine: insert,
      raw: () => raw.insert(INSERTS, 1),
    },
    {
      what: `durable inserts, ${String(LANES)} lanes, against commits of ${String(LANES)}`,
      amount: INSERTS,
      unit: 'inserts',
      engine: insert,
      raw: () => raw.insert(INSERTS, LANES),
    },
    {
      what: 'reads by _id, 16 lanes',
      amount: READS,
      unit: 'reads',
      engine: () => inLanes(READS, 16, (n) => rows.findOne({ _id: (n * 7919) % next })),
      raw: () => raw.read(READS),
    },
    {
      ...range,
      engine: () =>
        inLanes(SCANS, 4, (n) => {
          const from = (n * 7919) % (next - SCAN_LENGTH);
          return rows.find({ _id: { $gte: from } }, { sort: { _id: 1 }, limit: SCAN_LENGTH }).toArray();
        }),
      raw: () => raw.scan(SCANS),
    },
    {
      what: 'GridFS upload',
      amount: mebibytes,
      unit: 'MiB',
      engine: async () => {
        const upload = bucket.openUploadStream('file');
        upload.end(file);
        await once(upload, 'finish');
      },
      raw: () => raw.upload(file),
    },
    {
      what: 'GridFS download',
      amount: mebibytes,
      unit: 'MiB',
      engine: async () => {
        let octets = 0;
        for await (const chunk of bucket.openDownloadStreamByName('file')) octets += (chunk as Buffer).length;
        if (octets !== FILE_OCTETS) throw new Error('octets are missing');
      },
      raw: () => raw.download(),
    },
  ];
}

/** How long point reads take by themselves, and while a collection is scanned and the file compacted. */
async function besides(uri: string, report: Report): Promise<void> {
  const [reader, worker] = await Promise.all([new MongoClient(uri).connect(), new MongoClient(uri).connect()]);
  const rows = reader.db('bench').collection<Row>('beside');
  for (let from = 0; from < BESIDE; from += 1000) {
    await rows.insertMany(
      Array.from({ length: 1000 }, (_, n) => ({ _id: from + n, key: key(n), data: new Binary(DATA) })),
    );
  }
  await rows.deleteMany({ key: { $in: [key(1), key(2), key(3), key(4), key(5), key(6), key(7)] } });
  const measure = async (what: string): Promise<void> => {
    const latencies: number[] = [];
    for (let n = 0; n < POINT_READS; n++) {
      latencies.push(await timed(() => rows.findOne({ _id: (n * 7919) % BESIDE }).then(() => undefined)));
    }
    latencies.sort((a, b) => a - b);
    const at = (share: number): number => latencies[Math.floor(share * (latencies.length - 1))] ?? NaN;
    const figures = [0.5, 0.99, 1].map((share) => at(share).toFixed(2));
    const promise =
      what === 'alone'
        ? ''
        : `, promised ${String(PROMISED_P99_MS)} ms at p99: ${at(0.99) <= PROMISED_P99_MS ? 'kept' : 'BROKEN'}`;
    report.line(
      `point reads ${what}: median ${figures[0] ?? ''} ms, p99 ${figures[1] ?? ''} ms, longest ${figures[2] ?? ''} ms${promise}`,
    );
  };
  await measure('alone');
  let isOver = false;
  let scans = 0;
  let compactions = 0;
  const work = worker.db('bench');
  const scanning = (async () => {
    for (; !isOver; scans++) await work.collection('beside').countDocuments({ data: null });
  })();
  const compacting = (async () => {
    for (; !isOver; compactions++) {
      await work.command({ compact: 'beside' });
      await delay(1);
    }
  })();
  await measure('beside scans and compaction');
  isOver = true;
  await Promise.all([scanning, compacting]);
  report.line(`meanwhile ${String(scans)} scans of ${String(BESIDE)} documents and ${String(compactions)} compactions`);
  await Promise.all([reader.close(), worker.close()]);
}

export const bench: Bench = {
  title: 'the embedded engine through the driver, in turns with plain node:sqlite in this process',
  run: async (report) => {
    const directory = await mkdtemp(join(tmpdir(), 'eider-bench-engine-'));
    const raw = new RawStore(join(directory, 'raw.sqlite'));
    const engine = await attachEmbedded({ dataDir: join(directory, 'data'), logger: silentLogger, graceMs: 100 });
    const client = await new MongoClient(engine.uri, { maxPoolSize: LANES }).connect();
    try {
      const db = client.db('bench');
      const rows = db.collection<Row>('rows');
      await rows.createIndex({ key: 1 });
      await compare(pairsOf(rows, db, raw), report);
      await besides(engine.uri, report);
    } finally {
      await client.close();
      await engine.close();
      raw.close();
      await delay(1000);
      await rm(directory, { recursive: true, force: true });
    }
  },
};
