import type { AccountId } from '../kernel/ids.ts';
import type { Digest } from './digest.ts';
import { PACK_UIDS, PackedDigest, type DigestPack, type PackEntry } from './digest-pack.ts';
import { LEAST_PACKED, openPack, type DigestPacker, type DigestPackerParts } from './digest-packer.ts';
import type { DigestField, DigestPlace, DigestRow, ListedDigest } from './messages.ts';
import { readDigests } from './read-digests.ts';

/** Rows that are read together: some packs in one round trip. */
const GROUP_ROWS = 1024;
const GROUP_BLOCKS = 16;

export interface PackedReading extends DigestPackerParts {
  readonly packer: DigestPacker;
}

type Digests = (Digest | PackedDigest | undefined)[];

/** See Messages.digestsIn. */
export async function* readPackedDigests(
  reading: PackedReading,
  account: AccountId,
  place: DigestPlace,
  rows: Iterable<DigestRow>,
  fields: readonly DigestField[],
): AsyncGenerator<readonly (ListedDigest | undefined)[], void, undefined> {
  const groups = groupsOf(rows);
  const read = (): Promise<Digests> | undefined => {
    const { value } = groups.next();
    if (value === undefined) return undefined;
    const group = readGroup(reading, account, place, value, fields);
    // Whoever stops early never asks for it.
    group.catch(() => undefined);
    return group;
  };
  for (let next = read(); next !== undefined;) {
    const digests = await next;
    next = read();
    yield digests;
  }
}

function* groupsOf(rows: Iterable<DigestRow>): Generator<readonly DigestRow[], undefined, undefined> {
  let group: DigestRow[] = [];
  const blocks = new Set<number>();
  for (const row of rows) {
    const block = blockOf(row);
    // A group ends with a block, so that each pack is read once where rows are in order.
    if (group.length > 0 && !blocks.has(block) && (group.length >= GROUP_ROWS || blocks.size >= GROUP_BLOCKS)) {
      yield group;
      group = [];
      blocks.clear();
    }
    group.push(row);
    blocks.add(block);
  }
  if (group.length > 0) yield group;
  return undefined;
}

function blockOf({ uid }: DigestRow): number {
  return Math.floor(uid / PACK_UIDS);
}

async function readGroup(
  reading: PackedReading,
  account: AccountId,
  place: DigestPlace,
  rows: readonly DigestRow[],
  fields: readonly DigestField[],
): Promise<Digests> {
  const blocks = wantedBlocks(place, rows);
  const packs = await readPacks(reading, account, place, blocks, fields);
  const digests: Digests = [];
  const lacking: number[] = [];
  /** Blocks whose packs lack what they should hold. */
  const poor = new Set<number>();
  for (const [index, row] of rows.entries()) {
    const block = blockOf(row);
    const pack = packs.get(block);
    const at = pack?.find(row);
    if (pack !== undefined && at !== undefined && !pack.isApart(at)) {
      digests[index] = new PackedDigest(pack, at, row.messageId);
      continue;
    }
    if (at === undefined && packs.has(block)) poor.add(block);
    lacking.push(index);
  }
  if (lacking.length === 0) return digests;
  await readApart(reading, account, rows, lacking, digests);
  for (const block of poor) offer(reading.packer, account, place, block, rows, digests);
  return digests;
}

/** Blocks of which enough is wanted, and all of whose UIDs have been given. */
function wantedBlocks({ uidNext }: DigestPlace, rows: readonly DigestRow[]): number[] {
  const counts = new Map<number, number>();
  for (const row of rows) counts.set(blockOf(row), (counts.get(blockOf(row)) ?? 0) + 1);
  const complete = Math.floor(uidNext / PACK_UIDS);
  return [...counts].flatMap(([block, count]) => (count >= LEAST_PACKED && block < complete ? [block] : []));
}

/** For each of the blocks its pack; undefined where it is to be written. */
async function readPacks(
  { packs, renderings }: PackedReading,
  account: AccountId,
  { mailbox }: DigestPlace,
  blocks: readonly number[],
  fields: readonly DigestField[],
): Promise<Map<number, DigestPack | undefined>> {
  const opened = new Map<number, DigestPack | undefined>();
  if (blocks.length === 0) return opened;
  const stored = await packs.read(account, mailbox, blocks, fields);
  for (const block of blocks) {
    const one = stored.get(block);
    if (one === undefined) opened.set(block, undefined);
    else if (one.version === renderings.version) opened.set(block, openPack(one));
    // A newer version's is of no use here, and left as it is.
    else if (one.version < renderings.version) opened.set(block, undefined);
  }
  return opened;
}

async function readApart(
  { messages, renderings }: PackedReading,
  account: AccountId,
  rows: readonly DigestRow[],
  lacking: readonly number[],
  digests: Digests,
): Promise<void> {
  let next = 0;
  const ids = lacking.flatMap((index) => rows[index]?.messageId ?? []);
  for await (const digest of readDigests(messages, renderings, account, ids)) {
    const index = lacking[next];
    if (index !== undefined) digests[index] = digest;
    next += 1;
  }
}

/** With the digests themselves, where all of the block's messages have been read. */
function offer(
  packer: DigestPacker,
  account: AccountId,
  place: DigestPlace,
  block: number,
  rows: readonly DigestRow[],
  digests: Digests,
): void {
  const live = place.rows(block * PACK_UIDS, block * PACK_UIDS + PACK_UIDS - 1);
  if (live === undefined || live.length < LEAST_PACKED) return;
  const read = new Map<number, number>();
  for (const [index, row] of rows.entries()) if (blockOf(row) === block) read.set(row.uid, index);
  const entries: PackEntry[] = [];
  for (const row of live) {
    const index = read.get(row.uid);
    const digest = index === undefined ? undefined : digests[index];
    // Of a packed one not every field was read.
    if (index === undefined || digest instanceof PackedDigest) break;
    entries.push({ uid: row.uid, messageId: row.messageId, digest });
  }
  packer.offer(account, place, block, entries.length === live.length ? entries : undefined);
}
