import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ObjectId } from 'mongodb';
import { enginePids } from '../embedded/engine-pids.ts';
import { databaseVariables, withoutEngine } from '../support/given-database.ts';
import type { CrashCase } from './crash-cases.ts';
import { deliverTogether, DRIVES, mailState, setStage, stateText, type Drive, type Stage } from './crash-drives.ts';
import { brokenText, tableOf } from './experiment.ts';
import { messageOctets } from './message-octets.ts';
import { within } from './patience.ts';
import { Checks } from './ledger.ts';
import { PASSWORD, Site, type SiteNode } from './site.ts';
import { upkeepDies } from './crash-upkeep.ts';
import { verifyGarbage, verifyProcesses, verifyStore } from './verify.ts';

const MAIN = fileURLToPath(new URL('../../workers/main.ts', import.meta.url));
const HOUR_MS = 3_600_000;
/** For what a dying node was asked; a point that is not passed shows in this time. */
const DYING_MS = 20_000;

function specOf(crash: CrashCase): string {
  const { point, what } = crash;
  const passage = crash.drive === 'upkeep' && crash.passage !== undefined ? `:${String(crash.passage)}` : '';
  return `${what === '' ? point : `${point}/${what}`}${passage}`;
}

/** Kills a process at each of the points, and sees through another what is left. */
export function crashSuite(name: string, cases: readonly CrashCase[]): void {
  describe(name, () => {
    let site: Site;
    let survivor: SiteNode;
    const checks = new Checks();
    const victims = new Map<CrashCase, Promise<SiteNode>>();

    before(async () => {
      site = await Site.open({ nodes: 1 });
      survivor = site.node(0);
    });
    after(() => site.close());

    /** The node that is to die there; the next one starts meanwhile. */
    const victimOf = async (crash: CrashCase): Promise<SiteNode> => {
      const begin = (one: CrashCase | undefined): Promise<SiteNode> | undefined => {
        if (one === undefined || ['garbage', 'upkeep', 'engine'].includes(one.drive)) return undefined;
        const known =
          victims.get(one) ??
          site.start({
            env: { EIDER_CRASH_POINT: one.drive === 'fold' ? `${one.point}:2` : specOf(one) },
            args: one.drive === 'fold' ? ['--set', 'journal.fold-records=4'] : [],
          });
        known.catch(() => undefined);
        victims.set(one, known);
        return known;
      };
      const victim = await begin(crash);
      if (victim === undefined) throw new Error('this case has no victim');
      void begin(cases[cases.indexOf(crash) + 1]);
      return victim;
    };

    for (const [n, crash] of cases.entries()) {
      if (crash.drive === 'engine' || crash.drive === 'upkeep') continue;
      it(`at ${specOf(crash)} by ${crash.drive}`, { timeout: 60_000 }, async () => {
        const stage = await setStage(survivor, `crash${String(n)}`);
        if (crash.drive === 'garbage') return collectGarbage(site, stage, crash.point, checks);
        const victim = await victimOf(crash);
        if (crash.drive === 'many') return deliverMany(victim, survivor, stage, checks);
        if (crash.drive === 'fold') return foldAndDie(victim, survivor, stage, checks);
        return askAndDie(victim, survivor, stage, DRIVES[crash.drive], crash.leaves === 'everything', checks);
      });
    }

    it('and leaves a store that is whole, with nothing unreferenced after gc', async (t) => {
      await verifyGarbage(site, checks);
      await verifyStore(site, checks);
      await verifyProcesses(site.all, checks, new Map());
      t.diagnostic(
        `\n${tableOf([{ name: `kill at ${String(cases.length)} crash points`, seed: 0, checks, counts: '' }])}`,
      );
      assert.equal(checks.broken.length, 0, brokenText(checks));
    });
  });

  describe(`${name}, in the upkeep of journals`, () => {
    let site: Site;
    const checks = new Checks();
    before(async () => {
      site = await Site.open({ nodes: 1 });
    });
    after(() => site.close());

    for (const [n, crash] of cases.filter(({ drive }) => drive === 'upkeep').entries())
      it(`at ${specOf(crash)}`, { timeout: 60_000 }, () =>
        upkeepDies(site, `upkeep${String(n)}`, specOf(crash), checks),
      );

    it('and leaves accounts that are whole', (t) => {
      t.diagnostic(`\n${tableOf([{ name: 'kill in the upkeep of journals', seed: 0, checks, counts: '' }])}`);
      assert.equal(checks.broken.length, 0, brokenText(checks));
    });
  });

  const engineCases = cases.filter(({ drive }) => drive === 'engine');
  describe(`${name}, in the engine`, { skip: withoutEngine() }, () => {
    for (const crash of engineCases) it(`at ${crash.point}`, { timeout: 60_000 }, () => engineDies(crash.point));
  });
}

/** The command dies on one node; what is left is all or nothing; asked again of another node, all of it is there once. */
async function askAndDie(
  victim: SiteNode,
  survivor: SiteNode,
  stage: Stage,
  drive: Drive,
  isDone: boolean,
  checks: Checks,
): Promise<void> {
  await drive.prepare?.(survivor, stage);
  const before = await mailState(survivor, stage);
  const expected = stateText(drive.after(before, stage));
  await assert.rejects(within(drive.ask(victim, stage), DYING_MS), 'it is not answered');
  assert.equal(await victim.ended(5000), 'SIGKILL');
  const found = stateText(await mailState(survivor, stage));
  checks.that(isDone ? 'I1' : 'I3', found === (isDone ? expected : stateText(before)), () => found);
  assert.equal(found, isDone ? expected : stateText(before), isDone ? 'all of it is there' : 'nothing of it is there');
  if (isDone && drive.isIdempotent === undefined) return;
  const reply = await drive.ask(survivor, stage);
  assert.match(reply, /^(OK|2\d\d)/);
  const again = stateText(await mailState(survivor, stage));
  checks.that('I2', again === expected, () => again);
  assert.equal(again, expected, 'asked again it is there once');
}

async function deliverMany(victim: SiteNode, survivor: SiteNode, stage: Stage, checks: Checks): Promise<void> {
  const count = 16;
  const replies = await deliverTogether(victim, stage, count);
  assert.equal(await victim.ended(5000), 'SIGKILL');
  const subjects = async (): Promise<string[]> =>
    ((await mailState(survivor, stage)).get('INBOX') ?? [])
      .map((row) => row.replace(/^.* /, ''))
      .filter((subject) => subject.startsWith('many'));
  const found = await subjects();
  checks.that('I1', new Set(found).size === found.length, () => `twice: ${found.join()}`);
  for (const [n, reply] of replies.entries())
    if (reply.startsWith('250'))
      checks.that('I1', found.includes(`many${String(n)}`), () => `many${String(n)} is gone`);
  const retried = await deliverTogether(survivor, stage, count);
  assert.ok(retried.every((reply) => reply.startsWith('250')));
  const all = await subjects();
  checks.that('I2', all.length === count && new Set(all).size === count, () => all.join());
  assert.equal(checks.broken.length, 0, brokenText(checks));
}

async function foldAndDie(victim: SiteNode, survivor: SiteNode, stage: Stage, checks: Checks): Promise<void> {
  const client = await victim.imap(stage.username);
  await client.ok('SELECT INBOX');
  let acknowledged = -1;
  for (let n = 0; n < 200 && victim.isAlive; n += 1) {
    const answer = await within(client.command(`UID STORE 1 FLAGS (k${String(n % 5)})`), DYING_MS).catch(
      () => undefined,
    );
    if (answer === undefined) break;
    assert.match(answer.tagged, /^OK/);
    acknowledged = n;
  }
  client.lines.destroy();
  assert.equal(await victim.ended(5000), 'SIGKILL');
  const [row = ''] = (await mailState(survivor, stage)).get('INBOX') ?? [];
  const holds = [acknowledged, acknowledged + 1].some((n) => row.includes(`(k${String(n % 5)})`));
  checks.that('I1', holds, () => `${row} after k${String(acknowledged % 5)} was acknowledged`);
  assert.ok(holds, row);
}

/** Leaves something for every step of the collection and kills it at one of them; the next case's goes on from there. */
async function collectGarbage(site: Site, stage: Stage, point: string, checks: Checks): Promise<void> {
  await DRIVES.delivery.ask(site.node(0), stage);
  const client = await site.node(0).imap(stage.username);
  await client.ok('SELECT INBOX');
  await client.ok('STORE 4 +FLAGS.SILENT (\\Deleted)');
  await client.ok('EXPUNGE');
  await client.logout();
  const before = stateText(await mailState(site.node(0), stage));
  await leaveStrays(site);
  const flags = ['gc', '--older-than', '0s', '--data-dir', site.dataDir];
  const child = spawn(process.execPath, [MAIN, ...flags], {
    stdio: 'ignore',
    env: { ...process.env, ...databaseVariables(site.dataDir), NODE_NO_WARNINGS: '1', EIDER_CRASH_POINT: point },
  });
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  assert.equal(signal, 'SIGKILL', `gc passes ${point}`);
  const found = stateText(await mailState(site.node(0), stage));
  checks.that('I7', found === before, () => found);
  assert.equal(found, before);
  // What was collected may come again.
  assert.match(await DRIVES.delivery.ask(site.node(0), stage), /^250/);
}

/** A ref without a message, a file without an attachment, a chunk without a file: as uploads leave that were cut off. */
async function leaveStrays(site: Site): Promise<void> {
  await site.withStore(async ({ database: { db } }) => {
    const old = Math.floor((Date.now() - 3 * HOUR_MS) / 1000);
    const fileId = (): ObjectId => {
      const octets = randomBytes(12);
      octets.writeUInt32BE(old, 0);
      // The room keeps the time in the last octets of its ids, the driver in the first.
      octets.writeUInt32BE(old, 8);
      return new ObjectId(octets);
    };
    await db
      .collection<{ _id: Buffer }>('attachmentRefs')
      .insertOne({ _id: randomBytes(60), v: 1, token: randomBytes(8), at: old * 1000 } as never);
    const file = fileId();
    await db.collection('attachmentFiles.files').insertOne({
      _id: file,
      length: 3,
      chunkSize: 3,
      uploadDate: new Date(old * 1000),
      filename: randomBytes(32).toString('hex'),
    });
    for (const files_id of [file, fileId()])
      await db.collection('attachmentFiles.chunks').insertOne({ files_id, n: 0, data: Buffer.from('abc') });
  });
}

/** The engine dies with a commit; what was acknowledged is there, what was not was neither refused nor claimed. */
async function engineDies(point: string): Promise<void> {
  const site = await Site.open({ nodes: 0 });
  try {
    const node = await site.start({ env: { EIDER_CRASH_POINT: `${point}:60` } });
    await node.api().createUser('engine', PASSWORD, { address: 'engine@example.com' });
    const [first] = await enginePids(site.dataDir);
    const stage: Stage = { username: 'engine', userId: '', mark: 'engine', fresh: Buffer.alloc(0) };
    const acknowledged: string[] = [];
    let after = 0;
    for (let n = 0; n < 300 && after < 5; n += 1) {
      const lmtp = await node.lmtp();
      const subject = `single${String(n)}`;
      try {
        const [reply = ''] = await within(
          lmtp.deliver(messageOctets(`${stage.mark}.${subject}`, 50), ['engine@example.com']),
        );
        assert.match(reply, /^(250|451)/);
        if (reply.startsWith('250')) acknowledged.push(subject);
      } catch (error) {
        assert.match(String(error), /closed the connection|no recipient|ECONN|EPIPE/);
      } finally {
        lmtp.lines.destroy();
      }
      const [now] = await enginePids(site.dataDir);
      if (now !== undefined && now !== first) after += 1;
    }
    assert.equal(after, 5, 'the engine died and was started again');
    const rows = ((await mailState(node, stage)).get('INBOX') ?? []).map((row) => row.replace(/^.* /, ''));
    assert.equal(new Set(rows).size, rows.length, 'nothing twice');
    for (const subject of acknowledged) assert.ok(rows.includes(subject), `${subject} was acknowledged and is gone`);
    const checks = new Checks();
    await verifyStore(site, checks);
    assert.equal(checks.broken.length, 0, brokenText(checks));
  } finally {
    await site.close();
  }
}
