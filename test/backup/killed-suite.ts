import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { withoutEngine } from '../support/given-database.ts';
import { runEider } from '../support/eider-command.ts';
import type { SeededRandom } from '../faults/seeded-random.ts';
import { runKilled, type Death } from './killed-command.ts';
import { KilledSite, openDatabaseIn, type Seen } from './killed-site.ts';

type CommandName = 'backup' | 'migrate' | 'replace' | 'restore';

/** Where each command has something to lose, and how often at most it comes by there in these stores. */
export const COMMAND_CRASHES: readonly (readonly [point: string, command: CommandName, passages: number])[] = [
  ['backup.object-beside', 'backup', 12],
  ['backup.object-written', 'backup', 12],
  ['backup.catalogue-written', 'backup', 1],
  ['backup.manifest-written', 'backup', 1],
  ['restore.store-marked', 'restore', 1],
  ['restore.content-written', 'restore', 2],
  ['restore.log-written', 'restore', 1],
  ['restore.addresses-written', 'restore', 1],
  ['restore.name-taken', 'restore', 1],
  ['restore.user-written', 'restore', 1],
  ['restore.store-written', 'restore', 1],
  ['restore.content-written', 'replace', 1],
  ['restore.log-written', 'replace', 1],
  ['restore.old-log-closed', 'replace', 1],
  ['migrate.page-copied', 'migrate', 4],
  ['migrate.page-noted', 'migrate', 4],
  ['migrate.compared', 'migrate', 1],
  ['migrate.finished', 'migrate', 1],
];

/** A command that takes so long is killed somewhere in this time, in milliseconds. */
const LONGEST_MS = 2500;

export interface KilledSuiteOptions {
  readonly random: SeededRandom;
  /** The points of COMMAND_CRASHES to die at; all: each one. */
  readonly points: ReadonlySet<string> | 'all';
  /** Kills of each command at moments of the clock. */
  readonly byClock: number;
  /** Messages of each user, and more for the incremental backup. */
  readonly messages: number;
}

/** Kills each command, runs it again, and holds the result against the source. */
export function killedSuite(name: string, { random, points, byClock, messages }: KilledSuiteOptions): void {
  /** Those at crash points, and apart from them those at moments of the clock. */
  const deathsOf = (command: CommandName): Death[][] => [
    COMMAND_CRASHES.filter(([point, of]) => of === command && (points === 'all' || points.has(point))).map(
      ([point, , passages]) => ({ point, nth: 1 + random.below(passages) }),
    ),
    ...(byClock === 0 ? [] : [Array.from({ length: byClock }, () => ({ afterMs: 300 + random.below(LONGEST_MS) }))]),
  ];

  describe(name, () => {
    let site: KilledSite;
    /** What was to be seen at each finished backup. */
    const backups: Seen[] = [];
    before(async () => {
      site = await KilledSite.open(random);
    });
    after(() => site.close());

    /** Dies each death; what is listed in between is only what is finished. */
    const backUpThrough = async (deaths: readonly Death[]): Promise<void> => {
      const command = ['backup', site.target, '--plain', '--data-dir', site.dataDir];
      const seen = await site.look();
      for (const death of deaths) {
        const { isKilled } = await runKilled(command, death);
        const manifests = await site.manifests();
        const isDone = !isKilled || ('point' in death && death.point === 'backup.manifest-written');
        // The last that is written is the lock, given back.
        const mayBeDone = isDone || 'afterMs' in death || death.point === 'backup.object-beside';
        if (manifests.length > backups.length && mayBeDone) {
          backups.push(seen);
        }
        assert.equal(manifests.length, backups.length, `${JSON.stringify(death)}: half a backup is listed`);
      }
      const made = await runEider(command);
      assert.equal(made.code, 0, made.stderr);
      backups.push(seen);
      await site.assertBackups(backups);
    };

    it('eider backup, the full one', async () => {
      await site.live(messages);
      await backUpThrough(points === 'all' ? deathsOf('backup').flat() : []);
      assert.equal((await site.manifests())[0]?.kind, 'full');
    });

    it('eider backup, on top of the one before', async () => {
      await site.live(Math.ceil(messages / 2));
      await backUpThrough(deathsOf('backup').flat());
      const last = (await site.manifests()).at(-1);
      assert.equal(last?.kind, 'incremental');
    });

    it('eider restore of the whole store', async () => {
      const [expected] = backups.slice(-1);
      assert.ok(expected !== undefined);
      for (const deaths of deathsOf('restore')) {
        const dataDir = await site.otherDirectory();
        const command = ['restore', site.target, '--plain', '--data-dir', dataDir];
        for (const [index, death] of deaths.entries()) {
          const { isKilled, stderr } = await runKilled([...command, ...(index === 0 ? [] : ['--resume'])], death);
          assert.ok(isKilled || 'afterMs' in death, `${JSON.stringify(death)} was not passed: ${stderr}`);
          if ('point' in death && index < 2)
            await assertRefused(
              /unfinished restore of backup/,
              ['--data-dir', dataDir],
              index === 0 ? START : ['user', 'list'],
            );
        }
        const made = await runEider([...command, '--resume']);
        assert.equal(made.code, 0, made.stderr);
        await site.assertStore(dataDir, expected);
      }
    });

    if (points === 'all')
      it("eider restore of a living user's account", async () => {
        const command = ['restore', site.target, '--plain', '--data-dir', site.dataDir, '--user', 'anna', '--replace'];
        const expected = new Map([...(await site.look()), ['anna', backups.at(-1)?.get('anna') ?? []]]);
        await site.store.append('anna', 'INBOX', Buffer.from('Subject: after\r\n\r\nthe backup\r\n'));
        for (const [index, death] of deathsOf('replace').flat().entries())
          await runKilled([...command, ...(index === 0 ? [] : ['--resume'])], death);
        const made = await runEider([...command, '--resume']);
        assert.equal(made.code, 0, made.stderr);
        await site.assertStore(site.dataDir, expected);
      });

    it('eider migrate to another engine', { skip: withoutEngine() }, async () => {
      for (const deaths of deathsOf('migrate')) {
        const target = await site.otherDirectory();
        await migrateThrough(site, deaths, { to: `embedded:${target}`, opened: ['--data-dir', target] });
        const { database, close } = await openDatabaseIn(target);
        await site.assertCopy(database).finally(async () => {
          await database.close();
          await close();
        });
      }
    });
  });
}

const START = ['start', '--free-ports'];

/** No command but the one that goes on opens half a store. */
async function assertRefused(sentence: RegExp, opened: readonly string[], command = START): Promise<void> {
  const { code, stderr } = await runEider([...command, ...opened]);
  assert.equal(code, 1, `${command.join(' ')} opens half a store`);
  assert.match(stderr, sentence);
}

export interface MigrationWay {
  readonly to: string;
  readonly from?: string;
  /** How a command is told to open the target. */
  readonly opened: readonly string[];
}

/** Dies each death on the way, then arrives; half-way the target is refused by every other command. */
export async function migrateThrough(
  site: KilledSite,
  deaths: readonly Death[],
  { to, from, opened }: MigrationWay,
): Promise<void> {
  const command = [
    ...['migrate', '--to', to, ...(from === undefined ? [] : ['--from', from])],
    ...['--data-dir', site.dataDir],
  ];
  let isDone = false;
  for (const [index, death] of deaths.entries()) {
    const { isKilled, stderr, code } = await runKilled(command, death);
    // The clock may have come when all was done.
    isDone = /finished migration/.test(stderr) || ('point' in death && death.point === 'migrate.finished');
    if (isDone) break;
    if (!isKilled) assert.equal(code, 0, stderr);
    assert.ok(isKilled || 'afterMs' in death, `${JSON.stringify(death)} was not passed: ${stderr}`);
    if ('point' in death && index === 0) await assertRefused(/unfinished migration/, opened);
    isDone = !isKilled;
  }
  const made = await runEider(isDone ? [...command, '--verify'] : command);
  if (/finished migration/.test(made.stderr)) return;
  assert.equal(made.code, 0, made.stderr + made.stdout);
}
