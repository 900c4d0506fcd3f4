import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { openDatabase, type Database } from '../../lib/db/index.ts';
import { chosenSeed, seededRandom } from '../faults/seeded-random.ts';
import { runEider } from '../support/eider-command.ts';
import { withoutEngine } from '../support/given-database.ts';
import { KilledSite } from './killed-site.ts';
import { migrateThrough } from './killed-suite.ts';

const given = process.env['EIDER_TEST_DOCDB'] ?? '';
const seed = chosenSeed('random');

/** The same connection string with the database in its path. */
function withDatabase(uri: string, name: string): string {
  const [, servers = '', , query = ''] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)(\/[^?]*)?(\?.*)?$/.exec(uri) ?? [];
  return `${servers}/${name}${query}`;
}

describe(
  `seed ${String(seed)}: eider migrate from the engine to DocumentDB and back, killed on the way`,
  { skip: withoutEngine() || (given === '' && 'EIDER_TEST_DOCDB names no DocumentDB') },
  () => {
    const random = seededRandom(seed);
    const name = `eider-migrate-${randomBytes(6).toString('hex')}`;
    const uri = withDatabase(given, name);
    let site: KilledSite;
    let target: Database;
    before(async () => {
      site = await KilledSite.open(random);
      await site.live(40);
      target = await openDatabase({ uri: given, name, answerMs: 60_000 });
    });
    after(async () => {
      await target.db.dropDatabase();
      await target.close();
      await site.close();
    });

    it('goes there, and the server refuses what is half there', async () => {
      const opened = ['--set', `database.uri=${given}`, '--set', `database.name=${name}`];
      await migrateThrough(
        site,
        [
          { point: 'migrate.page-copied', nth: 2 },
          { point: 'migrate.page-noted', nth: 2 },
          { afterMs: 2000 + random.below(4000) },
          { point: 'migrate.compared', nth: 1 },
        ],
        { to: uri, opened: ['--data-dir', await site.otherDirectory(), ...opened] },
      );
      await site.assertCopy(target);
    });

    it('serves there', async () => {
      const opened = ['--set', `database.uri=${given}`, '--set', `database.name=${name}`];
      const listed = await runEider(['user', 'list', '--data-dir', await site.otherDirectory(), ...opened]);
      assert.equal(listed.code, 0, listed.stderr);
      assert.match(listed.stdout, /anna/);
    });

    it('comes back, whole', async () => {
      const back = await site.otherDirectory();
      await migrateThrough(
        site,
        [
          { point: 'migrate.page-copied', nth: 3 },
          { point: 'migrate.page-noted', nth: 1 },
          { afterMs: 2000 + random.below(4000) },
        ],
        { from: uri, to: `embedded:${back}`, opened: ['--data-dir', back] },
      );
      await site.assertStore(back, await site.look());
    });
  },
);
