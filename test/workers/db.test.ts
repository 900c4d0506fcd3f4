import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { runEider } from '../support/eider-command.ts';
import { withoutEngine } from '../support/given-database.ts';
import { makeDataDir } from '../support/server-process.ts';

it(
  'eider db copies, compacts, checks and mends the file of the engine',
  { skip: withoutEngine(), timeout: 120_000 },
  async () => {
    const data = await makeDataDir();
    const db = (...args: string[]) => runEider(['db', ...args, '--data-dir', data.path]);
    try {
      const made = await runEider(
        ['user', 'add', 'ada', '--password-stdin', '--data-dir', data.path],
        'correct horse\n',
      );
      assert.equal(made.code, 0, made.stderr);

      const copied = await db('backup', join(data.path, 'copy.sqlite'), '--json');
      assert.equal(copied.code, 0, copied.stderr);
      const { octets } = JSON.parse(copied.stdout) as { octets: number };
      assert.equal((await stat(join(data.path, 'copy.sqlite'))).size, octets);
      assert.match((await db('compact')).stdout, /^\d+ octets given back\n$/);
      const file = new DatabaseSync(join(data.path, 'engine.sqlite'));
      file.exec(`DELETE FROM tree WHERE key = (SELECT max(key) FROM tree WHERE key >= x'11' AND key < x'12')`);
      file.close();
      const damaged = await db('check');
      assert.equal(damaged.code, 1);
      assert.match(damaged.stdout, /^damage: eider\.\S+: _id .*does not lead to it$/m);
      const mended = await db('check', '--repair');
      assert.equal(mended.code, 0, mended.stdout + mended.stderr);
      assert.match(mended.stdout, /^mended: eider\.\S+: _id .*does not lead to it$/m);
      assert.match(mended.stdout, /: clean$/m);
    } finally {
      await data.remove();
    }
  },
);
