import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openDatabase, type Database } from '../../lib/db/index.ts';
import { startEngine, type RunningEngine } from '../../lib/embedded/index.ts';
import type { MailError } from '../../lib/kernel/errors.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { createAccount, createNode, mailboxId, newMessage } from './journal-node.ts';

let directory: string;
let engine: RunningEngine;
let database: Database;

const start = (): Promise<RunningEngine> =>
  startEngine({
    file: join(directory, 'engine.sqlite'),
    socketPath: join(directory, 'engine.sock'),
    logger: silentLogger,
  });

before(async () => {
  directory = await temporaryDirectory('outage');
  engine = await start();
  // The driver looks for a lost server twice a second: it must be allowed to look once.
  database = await openDatabase({ uri: engine.uri, serverSelectionMs: 800 });
});

after(async () => {
  await database.close();
  await engine.close();
  await rm(directory, { recursive: true });
});

describe('while the database is out of reach', () => {
  it('commands fail for now, what is done stays done, and work goes on when it is back', async () => {
    const one = createNode(database, { settings: { commitTimeout: 2000 } });
    const account = await createAccount(one);
    const inbox = await one.open(account, await mailboxId(one, account, 'INBOX'));
    await one.append(account, inbox.id, [newMessage()]);
    const other = createNode(database);

    await engine.close();
    // Whether the first was sent cannot be told by whoever sent it; of the others it is certain that they were not.
    await one
      .append(account, inbox.id, [newMessage()], { deadline: performance.now() + 300 })
      .catch((error: unknown) => {
        assert.ok(['unavailable', 'outcome-unknown'].includes((error as MailError).code));
      });
    const given = Array.from({ length: 5 }, () => one.append(account, inbox.id, [newMessage()]));
    for (const outcome of await Promise.allSettled(given)) {
      assert.ok(outcome.status === 'rejected');
      assert.equal((outcome.reason as MailError).code, 'unavailable');
    }
    await assert.rejects(one.list(account), { code: 'unavailable' });
    await assert.rejects(inbox.refresh(), { code: 'unavailable' });
    await assert.rejects(other.list(account), { code: 'unavailable' });
    assert.deepEqual([...inbox.uids()], [1]);

    engine = await start();
    assert.deepEqual((await one.append(account, inbox.id, [newMessage()])).uids, [2]);
    assert.equal((await other.list(account))[0]?.messages, 2);
    inbox.close();
    await one.close();
    await other.close();
    await assert.rejects(one.list(account), { code: 'shutting-down' });
  });
});
