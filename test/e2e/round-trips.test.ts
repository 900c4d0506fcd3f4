import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Document } from 'mongodb';
import type { NewMessage } from '../../lib/journal/index.ts';
import { ApiClient } from '../support/api-client.ts';
import { ImapClient } from '../support/imap-client.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { startInProcess, type InProcessServer } from '../support/in-process-server.ts';
import { storeText } from '../support/opened-store.ts';

/** What a command costs in round trips to the database (docs/architecture.md), counted by the driver's command monitor. */

const PASSWORD = 'correct horse';
const message = (n: number): Buffer =>
  Buffer.from(`From: a@example.org\r\nTo: count@example.com\r\nSubject: ${String(n)}\r\n\r\nHello ${String(n)}\r\n`);

const WRITES = new Set(['insert', 'update', 'delete', 'findAndModify']);

describe('round trips to the database', () => {
  let server: InProcessServer;
  let imap: ImapClient;

  /** Reads and writes that went to the database meanwhile. */
  async function count(run: () => Promise<unknown>): Promise<{ reads: number; writes: number }> {
    const commands = await server.commandsDuring(run);
    const writes = commands.filter((name) => WRITES.has(name)).length;
    return { writes, reads: commands.length - writes };
  }

  before(async () => {
    server = await startInProcess();
    await server.createUser('count', PASSWORD, 'count@example.com');
    imap = await ImapClient.login(server.imap, 'count', PASSWORD);
    const lmtp = await LmtpClient.connect(server.lmtp);
    await lmtp.deliver(message(0), ['count@example.com']);
    await lmtp.quit();
  });
  after(async () => {
    await imap.logout();
    await server.close();
  });

  it('delivers by LMTP to a warm account with two writes and no read', async (t) => {
    const lmtp = await LmtpClient.connect(server.lmtp);
    await lmtp.deliver(message(1), ['count@example.com']);
    const cost = await count(() => lmtp.deliver(message(2), ['count@example.com']));
    await lmtp.quit();
    t.diagnostic(`LMTP, warm: ${JSON.stringify(cost)}`);
    assert.deepEqual(cost, { reads: 0, writes: 2 });
  });

  it('selects a warm mailbox with at most one read', async (t) => {
    await imap.ok('SELECT INBOX');
    const cost = await count(() => imap.ok('SELECT INBOX'));
    t.diagnostic(`SELECT, warm: ${JSON.stringify(cost)}`);
    assert.ok(cost.reads <= 1 && cost.writes === 0, JSON.stringify(cost));
  });

  it('answers STATUS with at most one read', async (t) => {
    const cost = await count(() => imap.ok('STATUS Trash (MESSAGES UNSEEN UIDNEXT)'));
    t.diagnostic(`STATUS, warm: ${JSON.stringify(cost)}`);
    assert.ok(cost.reads <= 1 && cost.writes === 0, JSON.stringify(cost));
  });

  it('lists every mailbox with its STATUS with at most one read', async (t) => {
    const cost = await count(() => imap.ok('LIST "" * RETURN (STATUS (MESSAGES UNSEEN))'));
    t.diagnostic(`LIST-STATUS, warm: ${JSON.stringify(cost)}`);
    assert.ok(cost.reads <= 1 && cost.writes === 0, JSON.stringify(cost));
  });

  it('changes the flags of 10,000 messages with one write', async (t) => {
    await imap.ok('CREATE Many');
    await imap.ok('SELECT INBOX');
    await imap.ok('COPY 1 Many');
    await imap.ok('SELECT Many');
    // Doubling: 1, 2, 4 … 8192, then what is missing to 10,000.
    for (let have = 1; have < 8192; have *= 2) await imap.ok('COPY 1:* Many');
    await imap.ok('NOOP');
    await imap.ok('COPY 1:1808 Many');
    await imap.ok('NOOP');
    assert.equal((await imap.uids()).length, 10_000);
    await server.fold('count');
    const cost = await count(() => imap.ok('STORE 1:* +FLAGS.SILENT (\\Seen)'));
    t.diagnostic(`STORE 1:* +FLAGS on 10,000 messages: ${JSON.stringify(cost)}`);
    assert.deepEqual(cost, { reads: 0, writes: 1 });
    for (const command of ['COPY 1:10 Trash', 'MOVE 1:10 Trash', 'STORE 1:10 +FLAGS.SILENT (\\Deleted)', 'EXPUNGE']) {
      const one = await count(() => imap.ok(command));
      t.diagnostic(`${command}: ${JSON.stringify(one)}`);
      assert.deepEqual(one, { reads: 0, writes: 1 }, command);
    }
    const fetch = await count(() => imap.ok('FETCH 1:* (FLAGS)'));
    t.diagnostic(`FETCH 1:* (FLAGS) of 9,980 messages: ${JSON.stringify(fetch)}`);
    assert.deepEqual(fetch, { reads: 0, writes: 0 });
  });

  it('lists a page of the API with one read of packs, and one more of messages where blocks of UIDs are not full', async (t) => {
    const user = await server.store.accounts.findByUsername('count');
    assert.ok(user !== undefined);
    await server.store.mailboxes.create(user.account, 'Listed');
    const messages: NewMessage[] = [];
    for (let n = 0; n < 600; n += 1) {
      const text = `From: a@example.org\r\nSubject: listed ${String(n)}\r\n\r\nHello ${String(n)}\r\n`;
      const { message: stored } = await storeText(server.store, user.account, text);
      messages.push({ ...stored, internalDate: { at: 1_700_000_000_000 + n * 1000, zoneMinutes: 0 } });
    }
    await server.store.mailboxes.append(user.account, { path: 'Listed' }, messages);
    const api = new ApiClient(server.api, server.adminToken);
    const path = `/users/${user.id}/mailboxes/${await api.mailboxId(user.id, 'Listed')}/messages?limit=250`;
    const list = async (query: string): Promise<{ readonly lines: unknown; readonly reads: readonly string[] }> => {
      const reads: string[] = [];
      const note = ({ command }: { readonly command: Document }): void => {
        if (['messages', 'digestPacks'].includes(String(command['find']))) reads.push(String(command['find']));
      };
      server.store.database.client.on('commandStarted', note);
      const { body } = await api.ok('GET', path + query);
      server.store.database.client.off('commandStarted', note);
      return { lines: body['results'], reads };
    };
    const unpacked = { old: await list('&order=asc'), latest: await list('') };
    assert.equal((unpacked.old.lines as unknown[]).length, 250);
    await server.fold('count');
    const packed = { old: await list('&order=asc'), latest: await list('') };
    assert.deepEqual(packed.old.lines, unpacked.old.lines);
    assert.deepEqual(packed.latest.lines, unpacked.latest.lines);
    t.diagnostic(`API, 250 old lines: ${unpacked.old.reads.join()} before packs, ${packed.old.reads.join()} after`);
    assert.deepEqual(packed.old.reads, ['digestPacks']);
    assert.deepEqual(packed.latest.reads, ['digestPacks', 'messages']);
  });
});
