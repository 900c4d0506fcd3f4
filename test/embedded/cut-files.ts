import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Binary, MongoClient } from 'mongodb';
import { Catalog } from '../../lib/embedded/catalog/catalog.ts';
import { documentKey } from '../../lib/embedded/catalog/keyspace.ts';
import { documentValue, fieldNamed } from '../../lib/embedded/bson/value.ts';
import { DocumentWriter } from '../../lib/embedded/bson/write.ts';
import { startEngine } from '../../lib/embedded/index.ts';
import { InspectedStore } from '../../lib/embedded/store/inspected-store.ts';
import { OwnedStore } from '../../lib/embedded/store/owned-store.ts';
import { StoreCheck } from '../../lib/embedded/upkeep/check-store.ts';
import { newReport, reporter } from '../../lib/embedded/upkeep/damage.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { seededRandom } from './random.ts';

const FILE = 'engine.sqlite';
const PARTS = ['', '-wal', '-acknowledged'] as const;

type Random = ReturnType<typeof seededRandom>;

/** The files of an engine as a crash leaves them, and what had been acknowledged by then: `_id` and hash of the data. */
interface Image {
  readonly name: string;
  readonly files: ReadonlyMap<string, Buffer>;
  readonly acknowledged: ReadonlyMap<number, string>;
}

const hashOf = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');

/** What may become of a file: its octets afterwards, undefined where it is gone. */
type Cut = (octets: Buffer, random: Random) => Buffer | undefined;

/** Mostly near the end, where a crash would be seen first. */
function place(octets: Buffer, random: Random): number {
  const reach = random.below(3) === 0 ? octets.length : Math.ceil(octets.length / 8);
  return Math.max(0, octets.length - 1 - random.below(Math.max(1, reach)));
}

const CUTS: ReadonlyMap<string, Cut> = new Map<string, Cut>([
  ['cut short', (octets, random) => octets.subarray(0, place(octets, random))],
  [
    'a bit flipped',
    (octets, random) => {
      const at = place(octets, random);
      if (octets.length > 0) octets[at] = (octets[at] as number) ^ (1 << random.below(8));
      return octets;
    },
  ],
  [
    'a sector of noise',
    (octets, random) => {
      const at = place(octets, random) & ~511;
      for (let n = at; n < Math.min(at + 512, octets.length); n++) octets[n] = random.below(256);
      return octets;
    },
  ],
  [
    'a page that was never written',
    (octets, random) => {
      const at = place(octets, random) & ~8191;
      return octets.fill(0, at, Math.min(at + 8192, octets.length));
    },
  ],
  ['torn: its end is zeros', (octets, random) => octets.fill(0, place(octets, random))],
  ['gone', () => undefined],
]);

/** Keeps writing, and takes a picture of the files at several moments; everything is acknowledged at each of them. */
async function makeImages(directory: string): Promise<Image[]> {
  const dataDir = join(directory, 'data');
  mkdirSync(dataDir);
  const file = join(dataDir, FILE);
  const images: Image[] = [];
  const acknowledged = new Map<number, string>();
  const take = (name: string): void => {
    const files = new Map<string, Buffer>();
    for (const part of PARTS) {
      if (existsSync(`${file}${part}`)) files.set(`${FILE}${part}`, readFileSync(`${file}${part}`));
    }
    images.push({ name, files, acknowledged: new Map(acknowledged) });
  };
  for (const life of [1, 2]) {
    const engine = await startEngine({ file, tcpPort: 0, logger: silentLogger });
    const client = new MongoClient(engine.uri);
    const rows = client.db('t').collection<{ _id: number; key: string; tags: string[]; data: Binary }>('rows');
    await rows.createIndex({ key: 1 }, { unique: true }, {});
    await rows.createIndex({ tags: 1 }, {}, {});
    for (let n = life * 1000; n < life * 1000 + 60; n++) {
      const data = Buffer.alloc([20, 300, 900, 2500, 20_000][n % 5] as number, `${n} `);
      await rows.insertOne({ _id: n, key: `key ${n}`, tags: ['all', `tag ${n % 7}`], data: new Binary(data) });
      acknowledged.set(n, hashOf(data));
      if (n % 20 === 19) take(`life ${life}, after ${n % 1000} writes`);
    }
    const gone = [...acknowledged.keys()].filter((id) => id % 3 === 0);
    await rows.deleteMany({ _id: { $in: gone } });
    for (const id of gone) acknowledged.delete(id);
    take(`life ${life}, after deletions`);
    await client.db('t').command({ compact: 'rows' });
    take(`life ${life}, compacted`);
    await client.close();
    await engine.close();
    take(`life ${life}, closed`);
  }
  rmSync(dataDir, { recursive: true });
  return images;
}

/** @returns what names the damage, undefined where everything acknowledged is there. @throws where neither is so */
function reopen(dataDir: string, acknowledged: ReadonlyMap<number, string>): string | undefined {
  const file = join(dataDir, FILE);
  let store: OwnedStore;
  try {
    store = new OwnedStore(file);
  } catch (error) {
    return `refused: ${messageOf(error)}`;
  }
  try {
    const report = newReport();
    const inspected = new InspectedStore(file);
    try {
      inspected.snapshot();
      new StoreCheck(inspected, report, reporter(report)).run();
    } finally {
      inspected.rollback();
      inspected.close();
    }
    const [first] = report.found;
    if (first !== undefined) return `${first.kind}: ${first.detail}`;
    const collection = new Catalog(store).find('t', 'rows');
    assert.ok(collection, 'the collection is lost, and nothing says so');
    for (const [id, hash] of acknowledged) {
      const value = fieldNamed(documentValue(new DocumentWriter().int('_id', id).finish()), '_id');
      assert.ok(value);
      const octets = store.get(documentKey(collection.prefix, value));
      assert.ok(octets, `${id} is lost, and nothing says so`);
      const data = fieldNamed(documentValue(octets), 'data');
      const found = data === undefined ? '' : hashOf(data.octets.subarray(data.start + 5, data.end));
      assert.equal(found, hash, `${id} is another, and nothing says so`);
    }
    return undefined;
  } finally {
    store.close();
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * A log that ends anywhere behind what was acknowledged is no damage: that is how power is lost. Nor is a record that is
 * older than the log.
 * @returns how many such ends were opened
 */
function openTails(images: readonly Image[], lay: (image: Image) => void, dataDir: string, random: Random): number {
  const log = `${FILE}-wal`;
  let opened = 0;
  for (const [at, later] of images.entries()) {
    const earlier = images[at - 1];
    const [short, long] = [earlier?.files.get(log), later.files.get(log)];
    if (earlier === undefined || short === undefined || long === undefined) continue;
    if (short.length >= long.length || !long.subarray(0, short.length).equals(short)) continue;
    for (let n = 0; n < 4; n++) {
      lay(earlier);
      const end: number = n === 0 ? long.length : short.length + random.below(long.length - short.length);
      writeFileSync(join(dataDir, log), long.subarray(0, end));
      // What came later has gone on from what is looked for here, deletions apart.
      if ([...earlier.acknowledged.keys()].some((id) => !later.acknowledged.has(id))) continue;
      assert.equal(reopen(dataDir, earlier.acknowledged), undefined, `${earlier.name}: a tail of ${end} octets`);
      opened += 1;
    }
  }
  assert.ok(opened > 0, 'no log goes on where another ends');
  return opened;
}

/** Opens files cut at random, so many times: what was acknowledged is there, or the damage has a name. */
export async function cutFiles(context: TestContext, directory: string, times: number, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const images = await makeImages(directory);
  const dataDir = join(directory, 'cut');
  const counts = { whole: 0, refused: 0, checked: 0 };
  const lay = (image: Image): void => {
    rmSync(dataDir, { recursive: true, force: true });
    mkdirSync(dataDir);
    for (const [name, octets] of image.files) writeFileSync(join(dataDir, name), octets);
  };
  for (const image of images) {
    lay(image);
    assert.equal(reopen(dataDir, image.acknowledged), undefined, `${image.name}: nothing is damaged`);
  }
  const tails = openTails(images, lay, dataDir, random);
  for (let time = 0; time < times; time++) {
    const image = random.pick(images);
    lay(image);
    // What SQLite makes anew is never trusted.
    writeFileSync(join(dataDir, `${FILE}-shm`), Buffer.alloc(random.below(3) * 16_384, random.below(256)));
    const name = random.pick([...image.files.keys()]);
    const [kind, cut] = random.pick([...CUTS]);
    const octets = cut(Buffer.from(image.files.get(name) ?? ''), random);
    if (octets === undefined) rmSync(join(dataDir, name));
    else writeFileSync(join(dataDir, name), octets);
    try {
      const named = reopen(dataDir, image.acknowledged);
      if (named === undefined) counts.whole += 1;
      else if (named.startsWith('refused')) counts.refused += 1;
      else counts.checked += 1;
    } catch (error) {
      throw new Error(`seed ${seed}, time ${time}, ${image.name}, ${name} ${kind}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
  const { whole, refused, checked } = counts;
  context.diagnostic(
    `seed ${seed}: ${times} cuts, ${whole} had lost nothing, ${refused} refused at the start, ${checked} named by the check; ${tails} unacknowledged ends opened`,
  );
  assert.ok(whole > 0 && refused > 0 && checked > 0, 'each of the three outcomes is met');
}
