import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Binary } from 'mongodb';
import type { AccountId } from '../../lib/kernel/ids.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { checkStore } from '../../workers/check-store.ts';
import type { Store } from '../../workers/compose.ts';
import { maintainJournals } from '../../workers/maintain-journals.ts';
import { databaseVariables } from '../support/given-database.ts';
import { mailState, setStage, stateText } from './crash-drives.ts';
import type { Checks } from './ledger.ts';
import { PASSWORD, type Site } from './site.ts';

const MAIN = fileURLToPath(new URL('../../workers/main.ts', import.meta.url));
const DAY_MS = 86_400_000;
/** Past the retention, and past an eighth of it more, so that few records are worth a step of the base. */
const OLD_MS = 40 * DAY_MS;
const ALL = [{ from: 1, to: 0xffffffff }];

/**
 * One account whose journal is past its retention and that has a stray segment, and one that was closed as long ago:
 * the collection that looks after them dies at the point, and the next one finishes its work.
 */
export async function upkeepDies(site: Site, name: string, spec: string, checks: Checks): Promise<void> {
  const node = site.node(0);
  const stage = await setStage(node, name);
  const closedId = await node.api().createUser(`${name}-closed`, PASSWORD);
  const [kept, closed] = await accountsOf(site, [name, `${name}-closed`]);
  await node.api().ok('DELETE', `/users/${closedId}`);
  const before = stateText(await mailState(node, stage));
  const rows = await site.withStore(async (store) => {
    for (const account of [kept, closed]) await age(store, account);
    // Records go once the base has stood above them for a run.
    if (spec.startsWith('upkeep.records-removed')) await store.mailboxes.maintain(kept);
    await addStray(store, kept);
    return rowsOf(store, kept);
  });

  assert.equal(await collect(site, spec), 'SIGKILL', `gc passes ${spec}`);
  assert.equal(stateText(await mailState(node, stage)), before, 'as it was, for who has it open');
  await site.withStore(async (store) => {
    checks.that('I7', (await rowsOf(store, kept)) === rows, () => `${spec}: other rows`);
    await checkSound(store, spec, checks);
  });
  // Of a store that is opened anew, for what it has just read it keeps.
  await site.withStore(async (store) => {
    for (let run = 0; run < 2; run += 1) {
      const { failedAccounts } = await maintainJournals(store.mailboxes, silentLogger);
      checks.that('I9', failedAccounts === 0, () => `${spec}: the next run fails`);
    }
  });
  await site.withStore(async (store) => {
    const now = await rowsOf(store, kept);
    checks.that('I6', now === rows, () => `${spec}: base and journal give\n${now}\nand there was\n${rows}`);
    for (const collection of ['journal', 'segments', 'checkpoints'] as const) {
      const left = await countOf(store, collection, closed);
      checks.that('I9', left === 0, () => `${spec}: ${String(left)} ${collection} of a removed account`);
    }
    const records = await countOf(store, 'journal', kept);
    checks.that('I9', records === 0, () => `${spec}: ${String(records)} records past the retention`);
    checks.that('I9', !(await hasStray(store, kept)), () => `${spec}: the stray segment is there`);
    await checkSound(store, spec, checks);
  });
  // And it can be written to.
  const client = await node.imap(name);
  await client.ok('SELECT INBOX');
  await client.ok('STORE 1 +FLAGS (\\Flagged)');
  await client.logout();
  assert.deepEqual(checks.broken, []);
}

async function accountsOf(site: Site, names: readonly string[]): Promise<[AccountId, AccountId]> {
  return site.withStore(async ({ accounts }) => {
    const [one, other] = await Promise.all(names.map((name) => accounts.findByUsername(name)));
    assert.ok(one !== undefined && other !== undefined);
    return [one.account, other.account];
  });
}

/** Runs `eider gc` up to the crash point. @returns its exit code, or the signal that ended it */
async function collect(site: Site, crashPoint: string): Promise<number | NodeJS.Signals | null> {
  const child = spawn(process.execPath, [MAIN, 'gc', '--older-than', '0s', '--data-dir', site.dataDir], {
    stdio: 'ignore',
    env: { ...process.env, ...databaseVariables(site.dataDir), NODE_NO_WARNINGS: '1', EIDER_CRASH_POINT: crashPoint },
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return signal ?? code;
}

/** Keys of one length that begin with these hexadecimal digits: binary values sort by their length first. */
function keysOf(digits: string, octetsMore: number): { readonly _id: never } {
  const [low, high] = [0, 0xff].map(
    (octet) => new Binary(Buffer.concat([Buffer.from(digits, 'hex'), Buffer.alloc(octetsMore, octet)])),
  );
  return { _id: { $gte: low, $lte: high } as never };
}

/** Octets of each collection's key behind the account. */
const KEYS = { journal: 6, segments: 24, checkpoints: 1 } as const;

function countOf(store: Store, collection: keyof typeof KEYS, account: AccountId): Promise<number> {
  return store.database.db.collection(collection).countDocuments(keysOf(account, KEYS[collection]));
}

/** Makes all records so old that they are past the retention. */
async function age(store: Store, account: AccountId): Promise<void> {
  const { modifiedCount } = await store.database.db
    .collection('journal')
    .updateMany(keysOf(account, KEYS.journal), { $inc: { at: -OLD_MS } });
  assert.ok(modifiedCount > 0);
}

const STRAY_MAILBOX = 'ee'.repeat(12);

/** A segment that no checkpoint names, as a fold leaves that was killed before it wrote its checkpoint. */
async function addStray(store: Store, account: AccountId): Promise<void> {
  const _id = new Binary(Buffer.concat([Buffer.from(account + STRAY_MAILBOX, 'hex'), randomBytes(8), Buffer.alloc(4)]));
  await store.database.db
    .collection<{ _id: Binary }>('segments')
    .insertOne({ _id, v: 1, packed: Buffer.from('stray') } as never);
}

async function hasStray(store: Store, account: AccountId): Promise<boolean> {
  return (await store.database.db.collection('segments').countDocuments(keysOf(account + STRAY_MAILBOX, 12))) > 0;
}

/** Everything that an account shows when it is opened cold. */
async function rowsOf({ mailboxes }: Store, account: AccountId): Promise<string> {
  const lines: string[] = [];
  for (const { id, path, isNoselect } of await mailboxes.list(account)) {
    if (isNoselect) continue;
    const opened = await mailboxes.open(account, id, { isReadOnly: true });
    const { uidNext, uidValidity, highestModSeq } = opened.info();
    lines.push(`${path} ${String(uidValidity)} ${String(uidNext)} ${String(highestModSeq)}`);
    for (const { uid, modseq, messageId, flags } of opened.rows(ALL))
      lines.push(`${String(uid)} ${String(modseq)} ${messageId} ${String(flags.system)} ${[...flags.keywords].join()}`);
    opened.close();
  }
  return lines.join('\n');
}

async function checkSound(store: Store, spec: string, checks: Checks): Promise<void> {
  const damages: string[] = [];
  const report = await checkStore(store, ({ user, detail }) => damages.push(`${user}: ${detail}`));
  assert.ok(report.messages > 0);
  checks.that('I6', damages.length === 0, () => `${spec}: ${damages.join('; ')}`);
}
