import { setTimeout as sleep } from 'node:timers/promises';
import { Binary } from 'mongodb';
import { applyRecord } from '../../lib/journal/apply.ts';
import { Columns } from '../../lib/journal/columns.ts';
import { decodeRecord, type StoredRecord } from '../../lib/journal/record-codec.ts';
import { NO_CHECKPOINT, stateOf } from '../../lib/journal/checkpoint.ts';
import type { AccountState } from '../../lib/journal/account-state.ts';
import type { AccountId } from '../../lib/kernel/ids.ts';
import type { OpenMailbox } from '../../lib/journal/index.ts';
import { checkStore } from '../../workers/check-store.ts';
import type { Store } from '../../workers/compose.ts';
import type { ImapClient } from '../support/imap-client.ts';
import { holds } from './message-octets.ts';
import { within } from './patience.ts';
import { flagsText, type Checks, type Copy, type Ledger } from './ledger.ts';
import { PASSWORD, type Site, type SiteNode } from './site.ts';

const ALL = [{ from: 1, to: 0xffffffff }];

/** Reads everything a user has through one node and holds it against the ledger: I1 to I4, I8. */
export async function verifyMail(site: Site, ledger: Ledger, username: string, at = 0): Promise<void> {
  const client = await within(site.node(at).imap(username));
  const actual = new Map<string, Copy[]>();
  const { untagged } = await client.ok('LIST "" *');
  const paths = untagged.flatMap(({ text }) => /^\* LIST \([^)]*\) "\/" "?([^"]*)"?$/.exec(text)?.[1] ?? []);
  for (const [path, isThere] of ledger.mailboxes)
    if (isThere !== undefined)
      ledger.checks.that(
        'I1',
        paths.includes(path) === isThere,
        () => `mailbox ${path} is ${isThere ? 'gone' : 'there'}`,
      );
  for (const path of paths) await readMailbox(client, path, ledger, actual);
  await client.logout();
  ledger.compare(actual);
}

async function readMailbox(
  client: ImapClient,
  path: string,
  ledger: Ledger,
  actual: Map<string, Copy[]>,
): Promise<void> {
  const selected = await client.command(`EXAMINE "${path}"`);
  if (selected.tagged.startsWith('NO [NONEXISTENT]')) return;
  const said = selected.untagged.map(({ text }) => text).join('\n');
  const validity = Number(/UIDVALIDITY (\d+)/.exec(said)?.[1]);
  const exists = Number(/^\* (\d+) EXISTS/m.exec(said)?.[1]);
  let last = 0;
  let count = 0;
  const { untagged } = await client.ok('UID FETCH 1:* (UID FLAGS BODY.PEEK[])');
  for (const { text, literals } of untagged) {
    const uid = Number(/UID (\d+)/.exec(text)?.[1]);
    const octets = literals[0];
    if (octets === undefined) continue;
    count += 1;
    ledger.checks.that('I4', uid > last, () => `UID ${String(uid)} follows ${String(last)} in ${path}`);
    last = uid;
    const id = /^Subject: (m[\d-]+)\./m.exec(octets.toString('latin1'))?.[1] ?? `UID ${String(uid)} of ${path}`;
    ledger.sight(validity, uid, id);
    const message = ledger.messages.get(id);
    if (message !== undefined)
      ledger.checks.that('I8', holds(message, octets), () => `${id} has other octets than were sent`);
    const flags = flagsText((/FLAGS \(([^)]*)\)/.exec(text)?.[1] ?? '').split(' ').filter(Boolean));
    actual.set(id, [...(actual.get(id) ?? []), { mailbox: path, flags }]);
  }
  ledger.checks.that('I7', count === exists, () => `${path}: ${String(exists)} EXISTS, ${String(count)} fetched`);
}

/** What `eider fsck` finds (I6, I7, I8), and the fold of the journal from its first record beside the state (I6). */
export async function verifyStore(site: Site, checks: Checks): Promise<void> {
  await site.withStore(async (store) => {
    const damages: string[] = [];
    const report = await checkStore(store, ({ user, mailbox, detail }) =>
      damages.push(`${user} ${mailbox}: ${detail}`),
    );
    for (const invariant of ['I6', 'I7', 'I8'] as const) {
      checks.made.set(invariant, (checks.made.get(invariant) ?? 0) + report.messages);
      checks.that(invariant, damages.length === 0, () => `fsck: ${damages.slice(0, 5).join('; ')}`);
    }
    for (const { account, username } of await store.accounts.list({ limit: 100 })) {
      const replayed = await replay(store, account);
      const kept = new Map<string, string>();
      const folded = new Map<string, string>();
      for (const info of await store.mailboxes.list(account)) {
        const header = replayed.mailboxes.get(info.id);
        const columns = replayed.columns(info.id);
        if (info.isNoselect) continue;
        const opened = await store.mailboxes.open(account, info.id, { isReadOnly: true });
        kept.set(info.path, textOfMailbox(opened));
        opened.close();
        folded.set(
          info.path,
          header === undefined || columns === undefined ? 'nothing' : textOfReplayed(replayed, info.id, columns),
        );
      }
      for (const [path, text] of kept)
        checks.that(
          'I6',
          folded.get(path) === text,
          () => `${username} ${path}: the journal gives\n${folded.get(path) ?? ''}\nand there is\n${text}`,
        );
    }
  });
}

/** Applies the whole journal from its first record; checkpoint and segments are not looked at. */
async function replay(store: Store, account: AccountId): Promise<AccountState> {
  const state = stateOf(account, NO_CHECKPOINT);
  const bounds = { $gt: new Binary(journalKey(account, 0)), $lte: new Binary(journalKey(account, 2 ** 48 - 1)) };
  const journal = store.database.collection<StoredRecord & { readonly _id: Binary }>('journal');
  for await (const document of journal.find({ _id: bounds }, { sort: { _id: 1 }, promoteBuffers: true })) {
    applyRecord(state, decodeRecord(octetsOf(document._id).readUIntBE(12, 6), document));
    for (const { id, isNoselect } of state.mailboxes.values())
      if (!isNoselect && state.columns(id) === undefined) state.loadColumns(id, new Columns(16));
  }
  return state;
}

function journalKey(account: AccountId, q: number): Buffer {
  const key = Buffer.alloc(18);
  key.write(account, 'hex');
  key.writeUIntBE(q, 12, 6);
  return key;
}

function textOfMailbox(opened: OpenMailbox): string {
  const { uidNext, uidValidity, messages, unseen, highestModSeq } = opened.info();
  const head = `${String(uidValidity)} ${String(uidNext)} ${String(messages)} ${String(unseen)} ${String(highestModSeq)}`;
  const rows = [...opened.rows(ALL)].map(({ uid, modseq, messageId, size, flags }) =>
    [uid, modseq, messageId, size, flags.system, [...flags.keywords].sort().join()].join(' '),
  );
  return [head, ...rows].join('\n');
}

function textOfReplayed(state: AccountState, id: Parameters<AccountState['columns']>[0], columns: Columns): string {
  const header = state.mailboxes.get(id);
  if (header === undefined) return 'nothing';
  const { uidNext, uidValidity, messages, unseen, highestModSeq, keywords } = header;
  const head = `${String(uidValidity)} ${String(uidNext)} ${String(messages)} ${String(unseen)} ${String(highestModSeq)}`;
  const rows = Array.from({ length: columns.count }, (_, at) =>
    [
      columns.uid(at),
      columns.modseq(at),
      columns.messageId(at),
      columns.size(at),
      columns.systemFlags(at),
      [...columns.keywords(at, keywords)].sort().join(),
    ].join(' '),
  );
  return [head, ...rows].join('\n');
}

/** Collects garbage with no delay, twice, and counts what nothing refers to (I9). Nobody may be writing. */
export async function verifyGarbage(site: Site, checks: Checks): Promise<void> {
  await site.withStore(async (store) => {
    for (let cycle = 0; cycle < 2; cycle += 1) await store.sweep.run({ olderThanMs: 0, graceMs: 0 });
    const live = new Set<string>();
    const named = new Set<string>();
    for (const { account } of await store.accounts.list({ limit: 100 })) {
      for (const info of await store.mailboxes.list(account)) {
        if (info.isNoselect) continue;
        const opened = await store.mailboxes.open(account, info.id, { isReadOnly: true });
        for (const { messageId } of opened.rows(ALL)) live.add(`${account}${messageId}`);
        opened.close();
      }
    }
    const { db } = store.database;
    const keys = async (name: string, field = '_id'): Promise<Buffer[]> =>
      (
        await db
          .collection(name)
          .find({}, { projection: { [field]: 1 }, promoteBuffers: true })
          .toArray()
      ).map((row) => octetsOf(row[field]));
    const say = (what: string, extra: readonly string[]): void =>
      checks.that('I9', extra.length === 0, () => `${String(extra.length)} ${what}: ${extra.slice(0, 3).join()}`);
    const messages = (await keys('messages')).map((key) => key.toString('hex'));
    say(
      'messages that no row names',
      messages.filter((key) => !live.has(key)),
    );
    const present = new Set(messages);
    const refs = (await keys('attachmentRefs')).map((key) => key.toString('hex'));
    say(
      'refs of messages that are not there',
      refs.filter((key) => !present.has(key.slice(64))),
    );
    for (const key of refs) named.add(key.slice(0, 64));
    const attachments = await db.collection('attachments').find({}, { promoteBuffers: true }).toArray();
    say(
      'attachments without a ref',
      attachments.map((row) => octetsOf(row['_id']).toString('hex')).filter((id) => !named.has(id)),
    );
    const files = new Set(attachments.map((row) => octetsOf(row['file']).toString('hex')));
    const stored = (await keys('attachmentFiles.files')).map((key) => key.toString('hex'));
    say(
      'files that no attachment names',
      stored.filter((id) => !files.has(id)),
    );
    const chunks = (await keys('attachmentFiles.chunks', 'files_id')).map((key) => key.toString('hex'));
    say(
      'chunks without a file',
      chunks.filter((id) => !stored.includes(id)),
    );
  });
}

function octetsOf(value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value === 'object' && value !== null && 'id' in value) return Buffer.from(value.id as Uint8Array);
  if (typeof value === 'object' && value !== null && 'buffer' in value) return Buffer.from(value.buffer as Uint8Array);
  return Buffer.from(String(value), 'hex');
}

/** What the processes have left: descriptors as before, logs that name no secret and no line that is none (I14, I15). */
export async function verifyProcesses(
  nodes: readonly SiteNode[],
  checks: Checks,
  descriptorsBefore: ReadonlyMap<string, number>,
): Promise<void> {
  for (const node of nodes) {
    const log = node.log();
    checks.that(
      'I14',
      !/nobody (handled|caught)|PromiseRejectionHandled|MaxListenersExceeded/.test(log),
      () => `${node.name}: ${log.slice(-2000)}`,
    );
    checks.that('I15', !log.includes(PASSWORD), () => `${node.name} has a password in its log`);
    const lines = log.split('\n').slice(0, -1);
    const odd = lines.find((line) => !isLogLine(line));
    checks.that('I15', odd === undefined, () => `${node.name} logs what is no line of JSON: ${odd ?? ''}`);
    const before = descriptorsBefore.get(node.name);
    if (before === undefined || !node.isAlive) continue;
    let now = await node.descriptors();
    for (let looks = 0; now > before && looks < 50; looks += 1) {
      await sleep(100);
      now = await node.descriptors();
    }
    checks.that('I14', now <= before, () => `${node.name} had ${String(before)} descriptors and has ${String(now)}`);
  }
}

function isLogLine(line: string): boolean {
  try {
    return typeof JSON.parse(line) === 'object';
  } catch {
    return false;
  }
}
