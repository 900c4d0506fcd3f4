import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CommandStartedEvent } from 'mongodb';
import type { Database } from '../../lib/db/index.ts';
import type { Journal, OpenMailbox } from '../../lib/journal/index.ts';
import type { AccountId, MailboxId } from '../../lib/kernel/ids.ts';
import { openTestDatabase } from '../support/database.ts';
import { createAccount, createNode, EVERYTHING, mailboxId, newMessage } from './journal-node.ts';

const COLLECTIONS = new Set(['journal', 'checkpoints', 'segments']);

let database: Database;
let one: Journal;
let account: AccountId;
let inbox: OpenMailbox;
let trash: MailboxId;
const commands: CommandStartedEvent[] = [];

before(async () => {
  database = await openTestDatabase({ monitorCommands: true });
  database.client.on('commandStarted', (event) => commands.push(event));
  one = createNode(database, { settings: { foldRecords: 10_000, foldSize: 16 * 1024 * 1024 } });
  account = await createAccount(one);
  inbox = await one.open(account, await mailboxId(one, account, 'INBOX'));
  trash = await mailboxId(one, account, 'Trash');
  await one.append(
    account,
    inbox.id,
    Array.from({ length: 10_000 }, () => newMessage()),
  );
});

after(async () => {
  await one.close();
  await database.close();
});

/** The commands that went to the server meanwhile. */
async function sent(run: () => Promise<unknown>): Promise<string[]> {
  commands.length = 0;
  await run();
  return commands.map(({ commandName, command }) => `${commandName} ${String(command[commandName])}`);
}

describe('round trips', () => {
  const cases: readonly [name: string, run: () => Promise<unknown>, expected: string[]][] = [
    [
      'STORE 1:* of 10,000',
      () => inbox.storeFlags(EVERYTHING, { mode: 'add', flags: { system: 1, keywords: ['x'] } }),
      ['insert journal'],
    ],
    ['append to a warm account', () => one.append(account, inbox.id, [newMessage()]), ['insert journal']],
    [
      'delivery to a warm account',
      () => one.deliver(account, { message: newMessage(), mailboxPath: 'INBOX', existedSinceQ: undefined }),
      ['insert journal'],
    ],
    ['MOVE of 5,000', () => inbox.move([{ from: 1, to: 5000 }], trash), ['insert journal']],
    ['EXPUNGE of 4,000', () => inbox.expunge([{ from: 5001, to: 9000 }], { force: true }), ['insert journal']],
    ['warm refresh', () => inbox.refresh(), ['find journal']],
    ['warm LIST with STATUS of all', () => one.list(account), ['find journal']],
    ['warm SELECT', () => one.open(account, inbox.id), ['find journal']],
    ['a command that changes nothing', () => inbox.expunge(undefined), ['find journal']],
    [
      '20 refreshes at once',
      () => Promise.all(Array.from({ length: 20 }, () => inbox.refresh())),
      ['find journal', 'find journal'],
    ],
    [
      '50 appends at once',
      () => Promise.all(Array.from({ length: 50 }, () => one.append(account, inbox.id, [newMessage()]))),
      ['insert journal'],
    ],
  ];
  for (const [name, run, expected] of cases) {
    it(`${name}: ${expected.join(', ')}`, async () => {
      const names = await sent(run);
      assert.deepEqual(names, expected);
    });
  }

  it('a cold open reads the checkpoint, the tail and the segments', async () => {
    await one.fold(account);
    await one.append(account, inbox.id, [newMessage()]);
    const cold = createNode(database);
    assert.deepEqual(await sent(() => cold.open(account, inbox.id)), [
      'find checkpoints',
      'find journal',
      'find segments',
    ]);
    await cold.close();
  });

  it('deliveries to many accounts at once share their inserts', async () => {
    const accounts = await Promise.all(Array.from({ length: 20 }, () => createAccount(one)));
    const names = await sent(() =>
      Promise.all(
        accounts.map((own) =>
          one.deliver(own, { message: newMessage(), mailboxPath: 'INBOX', existedSinceQ: undefined }),
        ),
      ),
    );
    assert.ok(names.length <= 3, names.join(', '));
  });

  it('every query bounds _id, writes are majority and journaled, reads majority from the primary', async () => {
    const seen: CommandStartedEvent[] = [];
    const record = (event: CommandStartedEvent): unknown => seen.push(event);
    database.client.on('commandStarted', record);
    const journal = createNode(database, { settings: { foldRecords: 5 } });
    const own = await createAccount(journal);
    const mailbox = await journal.open(own, await mailboxId(journal, own, 'INBOX'));
    for (let round = 0; round < 4; round += 1) {
      await Promise.all([
        journal.append(own, mailbox.id, [newMessage()]),
        journal.append(own, mailbox.id, [newMessage()]),
      ]);
      if (round > 1) await mailbox.expunge(EVERYTHING, { force: true });
      await journal.fold(own);
    }
    await mailbox.vanishedSince(0);
    await journal.isLive(own, [newMessage().messageId]);
    await createNode(database).deliver(own, { message: newMessage(), mailboxPath: 'INBOX', existedSinceQ: 0 });
    await journal.close();
    database.client.off('commandStarted', record);
    const kinds = new Set<string>();
    for (const { commandName, command } of seen) {
      if (!COLLECTIONS.has(String(command[commandName]))) continue;
      kinds.add(`${commandName} ${String(command[commandName])}`);
      if (commandName === 'insert') {
        assert.ok((command['documents'] as { _id?: unknown }[]).every(({ _id }) => _id !== undefined));
      } else {
        const statements = (command['updates'] ?? command['deletes']) as { q: { _id?: unknown } }[] | undefined;
        const filters = statements?.map(({ q }) => q) ?? [command['filter'] as { _id?: unknown }];
        assert.ok(
          filters.every(({ _id }) => _id !== undefined),
          `${commandName} without _id`,
        );
      }
      if (commandName === 'find')
        assert.equal((command['readConcern'] as { level?: string } | undefined)?.level, 'majority');
      else assert.deepEqual({ ...(command['writeConcern'] as object) }, { w: 'majority', j: true, wtimeout: 8000 });
      assert.equal((command['$readPreference'] as { mode?: string } | undefined)?.mode ?? 'primary', 'primary');
    }
    assert.deepEqual([...kinds].sort(), [
      'delete segments',
      'find checkpoints',
      'find journal',
      'find segments',
      'insert checkpoints',
      'insert journal',
      'insert segments',
      'update checkpoints',
    ]);
  });
});
