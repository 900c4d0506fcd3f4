import assert from 'node:assert/strict';
import type { AccountId } from '../../lib/kernel/ids.ts';
import { checkStore, type Damage } from '../../workers/check-store.ts';
import { ApiClient } from '../support/api-client.ts';
import { ImapClient } from '../support/imap-client.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { Pop3Client } from '../support/pop3-client.ts';
import type { WholeServer } from './whole-server.ts';

const PASSWORD = 'correct horse';

export const plainMessage = (subject: string): Buffer =>
  Buffer.from(`From: a@example.org\r\nTo: b@example.com\r\nSubject: ${subject}\r\n\r\nHello ${subject}\r\n`);

/** A message with an attachment of several chunks, that cannot be compressed. */
export function messageWithAttachment(subject: string, octets = 700_000): Buffer {
  const data = Buffer.alloc(octets);
  let state = octets;
  for (let at = 0; at < octets; at += 1) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    data[at] = state >>> 16;
  }
  const lines = data.toString('base64').replace(/(.{76})/g, '$1\r\n');
  return Buffer.from(
    `From: a@example.org\r\nTo: b@example.com\r\nSubject: ${subject}\r\nMIME-Version: 1.0\r\n` +
      'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nsee it\r\n' +
      '--x\r\nContent-Type: application/zip; name="a.zip"\r\nContent-Transfer-Encoding: base64\r\n\r\n' +
      `${lines}\r\n--x--\r\n`,
  );
}

/** What mail programs, the MTA, the API and the operator do, one after the other, each through its own door. */
export async function tour(server: WholeServer, name: string): Promise<void> {
  const api = new ApiClient(server.api, server.adminToken);
  const address = `${name}@example.com`;
  const user = await api.createUser(name, PASSWORD, { address });
  await deliverAll(server, address);
  await tourImap(server, name);
  await tourPacks(server, name);
  await tourPop3(server, name);
  await tourApi(api, user, name);
  await tourBackground(server, name);
  await api.ok('DELETE', `/users/${user}`);
  await server.store.sweep.run({ olderThanMs: 0, graceMs: 0 });
}

async function deliverAll(server: WholeServer, address: string): Promise<void> {
  const lmtp = await LmtpClient.connect(server.lmtp);
  const messages = [plainMessage('one'), plainMessage('two'), messageWithAttachment('three'), plainMessage('one')];
  for (const message of messages) assert.match((await lmtp.deliver(message, [address]))[0] ?? '', /^250/);
  await lmtp.deliver(plainMessage('nobody'), ['nobody@example.com']).catch(() => undefined);
  await lmtp.quit();
}

async function tourImap(server: WholeServer, name: string): Promise<void> {
  const imap = await ImapClient.login(server.imap, name, PASSWORD);
  await imap.ok('CREATE Work/2026');
  await imap.ok('SUBSCRIBE Work');
  await imap.ok('LIST "" * RETURN (STATUS (MESSAGES UNSEEN UIDNEXT))');
  for (let n = 0; n < 6; n += 1) await append(imap, 'INBOX', plainMessage(`appended ${String(n)}`));
  await append(imap, 'Work', messageWithAttachment('large', 300_000));
  await imap.ok('SELECT INBOX');
  await imap.ok('FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)');
  await imap.ok('FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)])');
  await imap.ok('FETCH 3 BODY[2]<1000.5000>');
  await imap.ok('STORE 1:3 +FLAGS (\\Flagged work)');
  await imap.ok('SEARCH TEXT "Hello"');
  await imap.ok('SEARCH FLAGGED BODY "see"');
  await imap.ok('COPY 1:2 Work');
  await imap.ok('MOVE 4 Work/2026');
  await imap.ok('STORE 1 +FLAGS (\\Deleted)');
  await imap.ok('EXPUNGE');
  await imap.ok('RENAME Work Projects');
  await imap.ok('STATUS Projects (MESSAGES)');
  await imap.ok('DELETE Projects/2026');
  await imap.ok('CREATE Many');
  await imap.ok('COPY 1:4 Many');
  await imap.ok('SELECT Many');
  for (let have = 4; have < 512; have *= 2) await imap.ok('COPY 1:* Many');
  await imap.ok('NOOP');
  await imap.logout();
}

/** Digests are packed by hundreds when a mailbox is written down, read in packs, and go with the mailbox. */
async function tourPacks(server: WholeServer, name: string): Promise<void> {
  const { mailboxes, messages } = server.store;
  const account = await accountOf(server, name);
  await mailboxes.fold(account);
  await messages.packed();
  const imap = await ImapClient.login(server.imap, name, PASSWORD);
  await imap.ok('SELECT Many');
  await imap.ok('FETCH 1:* (UID ENVELOPE BODYSTRUCTURE)');
  await messages.packed();
  await imap.ok('CLOSE');
  await imap.ok('DELETE Many');
  await imap.logout();
}

async function accountOf({ store }: WholeServer, name: string): Promise<AccountId> {
  const user = await store.accounts.findByUsername(name);
  assert.ok(user !== undefined);
  return user.account;
}

async function append(imap: ImapClient, mailbox: string, octets: Buffer): Promise<void> {
  const { tagged } = await imap.append(mailbox, octets, '(\\Seen kw) ');
  assert.match(tagged, /^OK/);
}

async function tourPop3(server: WholeServer, name: string): Promise<void> {
  const pop3 = await Pop3Client.login(server.pop3, name, PASSWORD);
  await pop3.multiLine('UIDL');
  await pop3.multiLine('RETR 1');
  await pop3.multiLine('TOP 2 1');
  await pop3.ok('DELE 1');
  await pop3.quit();
}

async function tourApi(api: ApiClient, user: string, name: string): Promise<void> {
  const inbox = await api.mailboxId(user, 'INBOX');
  await api.ok('GET', '/users?query=o&limit=5');
  await api.ok('GET', '/addresses?query=example');
  await api.ok('POST', `/users/${user}/addresses`, { address: `${name}-more@example.com` });
  await api.ok('GET', `/users/${user}/addresses`);
  await api.ok('GET', `/users/resolve/${name}`);
  await api.ok('POST', '/authenticate', { username: name, password: PASSWORD, token: true });
  await api.ok('PUT', `/users/${user}`, { name: 'Renamed', tags: ['one'] });
  await api.ok('GET', `/users/${user}/mailboxes?counters=true`);
  await api.ok('GET', `/users/${user}/mailboxes/${inbox}/messages?limit=3`);
  const base = `/users/${user}/mailboxes/${inbox}/messages`;
  const uploaded = await api.ok('POST', base, { raw: plainMessage('uploaded').toString() });
  const { id } = uploaded.body['message'] as { id: number };
  await api.ok('GET', `${base}/${String(id)}`);
  await api.ok('GET', `${base}/3/attachments/ATT00001`).catch(() => undefined);
  await api.ok('PUT', base, { message: String(id), seen: true });
  await api.ok('DELETE', `${base}/${String(id)}`);
}

async function tourBackground(server: WholeServer, name: string): Promise<void> {
  const { mailboxes, sweep } = server.store;
  await mailboxes.fold(await accountOf(server, name));
  await checkIsClean(server);
  await sweep.run({ olderThanMs: 0, graceMs: 0 });
  await checkIsClean(server);
}

async function checkIsClean(server: WholeServer): Promise<void> {
  const damages: Damage[] = [];
  await checkStore(server.store, (damage) => void damages.push(damage));
  assert.deepEqual(damages, []);
}
