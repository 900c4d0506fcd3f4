import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { CommandStartedEvent } from 'mongodb';
import { imapRenderer } from '../../lib/frontends/imap/index.ts';
import { newAccountId, newMailboxId, type AccountId, type MessageId } from '../../lib/kernel/ids.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import {
  createSweep,
  type DigestField,
  type DigestPlace,
  type DigestRow,
  type ListedDigest,
  type MessagesRoom,
} from '../../lib/messages/index.ts';
import { matchHeaderTerms, matchTerms } from '../../lib/search/index.ts';
import { corpusMessages } from '../support/corpora.ts';
import { all, openTestRoom, plainRenderer, type TestRoom } from './message-room.ts';
import { EVERY_ROW } from '../support/every-row.ts';

const FIELDS = ['envelope', 'bodyStructure', 'body', 'headers', 'preview', 'parts'] as const;

/** A mailbox in memory whose messages come and go by hand. */
class Place implements DigestPlace {
  readonly mailbox = newMailboxId();
  messages: DigestRow[] = [];
  uidNext = 1;

  add(messageIds: readonly MessageId[]): void {
    for (const messageId of messageIds) {
      this.messages.push({ uid: this.uidNext, messageId });
      this.uidNext += 1;
    }
  }

  rows(from: number, to: number): readonly DigestRow[] {
    return this.messages.filter(({ uid }) => uid >= from && uid <= to);
  }
}

function described(digest: ListedDigest | undefined, fields: readonly DigestField[]): unknown {
  if (digest === undefined) return undefined;
  const { messageId, hasAllHeaders, hasAttachments } = digest;
  return {
    messageId,
    hasAllHeaders,
    hasAttachments,
    ...Object.fromEntries(fields.map((name) => [name, digest[name]])),
  };
}

describe('packs of digests', () => {
  let room: TestRoom;
  const commands: CommandStartedEvent[] = [];
  before(async () => {
    room = await openTestRoom({ renderer: imapRenderer, monitorCommands: true });
    room.database.client.on('commandStarted', (event) => commands.push(event));
  });
  after(async () => {
    await room.messages.close();
    await room.close();
  });

  const list = async (
    messages: MessagesRoom,
    account: AccountId,
    place: Place,
    fields: readonly DigestField[] = FIELDS,
    rows: Iterable<DigestRow> = place.messages,
  ): Promise<unknown[]> =>
    (await all(messages.digestsIn(account, place, rows, fields))).flat().map((digest) => described(digest, fields));

  /** Collections that were read and written meanwhile. */
  const sent = async (run: () => Promise<unknown>): Promise<string[]> => {
    commands.length = 0;
    await run();
    return commands.map(({ commandName, command }) => `${commandName} ${String(command[commandName])}`);
  };

  const fill = async (count: number): Promise<{ account: AccountId; place: Place }> => {
    const account = newAccountId();
    const place = new Place();
    const stored = await Promise.all(
      Array.from({ length: count }, (_, number) =>
        room.put(account, Buffer.from(`Subject: number ${number}\r\n\r\nx`)),
      ),
    );
    place.add(stored.map(({ messageId }) => messageId));
    return { account, place };
  };

  it('answer for the corpora as the messages themselves do, octet by octet', async () => {
    const account = newAccountId();
    const place = new Place();
    const prefix = Buffer.from('Return-Path: <ann@example.org>\r\nReceived: from a by b\r\n');
    for (const [index, { octets }] of corpusMessages().entries())
      place.add([(await room.put(account, octets, index % 2 === 0 ? { prefix } : {})).messageId]);
    // The last block is whole too.
    place.uidNext = Math.ceil(place.uidNext / 256) * 256;
    const apart = await list(room.messages, account, place);
    assert.equal(apart.includes(undefined), false);
    await room.messages.packed();
    let packed: unknown[] = [];
    const read = await sent(async () => (packed = await list(room.messages, account, place)));
    assert.deepEqual(packed, apart);
    assert.ok(read.includes('find digestPacks'), String(read));
    for (const field of FIELDS)
      assert.deepEqual(
        await list(room.messages, account, place, [field]),
        apart.map((one) => only(one, field)),
      );
  });

  it('tell a search for header fields what the messages would', async () => {
    const account = newAccountId();
    const { signal } = new AbortController();
    let compared = 0;
    for (const { name, octets } of corpusMessages()) {
      const { messageId } = await room.put(account, octets);
      const [digest] = await all(room.messages.digests(account, [messageId]));
      if (digest?.hasAllHeaders !== true) continue;
      const content = await room.messages.open(account, messageId);
      const terms = ['subject', 'from', 'To', 'cc', 'message-id', 'list-id', 'references', 'content-type'].flatMap(
        (field) =>
          ['', 'e', 'ü', 'example', 'Re:', '@', 'text/plain'].map(
            (value) => ({ kind: 'header', field, value }) as const,
          ),
      );
      assert.deepEqual(matchHeaderTerms(digest.headers, terms), await matchTerms(content, terms, signal), name);
      compared += 1;
    }
    assert.ok(compared > 30, String(compared));
  });

  it('are read a thousand messages at a time, and no message is', async () => {
    const { account, place } = await fill(2100);
    await list(room.messages, account, place);
    await room.messages.packed();
    const commandsSent = await sent(() => list(room.messages, account, place));
    // The messages after the last whole block are read one by one.
    assert.deepEqual(commandsSent, ['find digestPacks', 'find digestPacks', 'find messages']);
    const few = await sent(() => list(room.messages, account, place, ['envelope'], place.messages.slice(300, 305)));
    assert.deepEqual(few, ['find messages']);
  });

  it('are written by a fold for blocks that it completes, before anybody reads', async () => {
    const { account, place } = await fill(600);
    room.messages.packFolded(account, [Object.assign(place, { appendedFrom: 1, expunged: [] })], []);
    await room.messages.packed();
    const commandsSent = await sent(() => list(room.messages, account, place, FIELDS, place.rows(1, 511)));
    assert.deepEqual(commandsSent, ['find digestPacks']);
  });

  it('lose what is expunged with the next fold, and go when too little is left', async () => {
    const { account, place } = await fill(600);
    const fold = async (from: number, to: number): Promise<void> => {
      place.messages = place.messages.filter(({ uid }) => uid < from || uid > to);
      const folded = { appendedFrom: place.uidNext, expunged: [{ from, to }] };
      room.messages.packFolded(account, [Object.assign(place, folded)], []);
      await room.messages.packed();
    };
    const packs = (): Promise<number> => packsOf(room, account);
    await list(room.messages, account, place);
    await room.messages.packed();
    assert.equal(await packs(), 2);
    const before = await tableOctets(room, account);
    await fold(1, 100);
    assert.equal(await tableOctets(room, account), before - 100 * 18);
    assert.deepEqual(await list(room.messages, account, place), await listApart(room, account, place));
    await fold(101, 250);
    assert.equal(await packs(), 1);
    await fold(251, 511);
    assert.equal(await packs(), 0);
    room.messages.packFolded(account, [], [place.mailbox]);
    await room.messages.packed();
  });

  it('of a mailbox that is forgotten go, those of others stay', async () => {
    const { account, place } = await fill(300);
    const other = new Place();
    other.add(place.messages.map(({ messageId }) => messageId));
    for (const one of [place, other]) await list(room.messages, account, one);
    await room.messages.packed();
    assert.equal(await packsOf(room, account), 2);
    room.messages.packFolded(account, [], [place.mailbox]);
    await room.messages.packed();
    assert.equal(await packsOf(room, account), 1);
  });

  it('of an account go with its last messages, and not before', async () => {
    const { account, place } = await fill(600);
    await list(room.messages, account, place);
    await room.messages.packed();
    const { database, clock, attachments } = room;
    const sweep = async (live: readonly DigestRow[]): Promise<void> => {
      const kept = new Set(live.map(({ messageId }) => messageId));
      const isReferenced = async (of: AccountId, ids: readonly MessageId[]): Promise<boolean[]> =>
        ids.map((id) => of !== account || kept.has(id));
      const references = { isReferenced };
      await createSweep({ database, attachments, clock, logger: silentLogger, references }).run({ olderThanMs: 0 });
    };
    await sweep(place.messages.slice(0, 300));
    assert.equal(await packsOf(room, account), 2);
    await sweep([]);
    assert.equal(await packsOf(room, account), 0);
  });

  it('may be missing, damaged, of another message or go at any moment: the answers are the same', async () => {
    const { account, place } = await fill(1100);
    const apart = await listApart(room, account, place);
    await list(room.messages, account, place);
    await room.messages.packed();
    const collection = room.database.db.collection<{ _id: Buffer; table: Buffer }>('digestPacks', {
      promoteBuffers: true,
    });
    const keys = (await collection.find(EVERY_ROW).toArray()).map(({ _id }) => _id).filter((id) => isOf(id, account));
    assert.equal(keys.length, 4);
    const [first, second, third] = keys;
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    await collection.updateOne({ _id: first }, { $set: { envelope: randomBytes(100) } });
    await collection.deleteOne({ _id: second });
    const table = (await collection.findOne({ _id: third }))?.table ?? Buffer.alloc(0);
    await collection.updateOne(
      { _id: third },
      { $set: { table: Buffer.concat([table.subarray(0, 2), randomBytes(16), table.subarray(18)]) } },
    );
    assert.deepEqual(await list(room.messages, account, place), apart);
    await room.messages.packed();
    // What was poor has been written anew.
    assert.deepEqual(await sent(() => list(room.messages, account, place, FIELDS, place.rows(1, 1023))), [
      'find digestPacks',
    ]);
    let isDone = false;
    const dropping = (async () => {
      while (!isDone) await collection.deleteMany({ _id: { $in: [keys[Math.floor(Math.random() * 4)] ?? first] } });
    })();
    for (let round = 0; round < 8; round += 1) assert.deepEqual(await list(room.messages, account, place), apart);
    isDone = true;
    await dropping;
  });

  it('of another version of the renderer are made anew by the newer, and left alone by the older', async () => {
    const { account, place } = await fill(300);
    await list(room.messages, account, place);
    await room.messages.packed();
    const newer = room.another({ renderer: plainRenderer(imapRenderer.version + 1) }).messages;
    const fresh = (await list(newer, account, place, ['body'])) as { body: Buffer }[];
    assert.equal(fresh[0]?.body.toString(), `B${String(imapRenderer.version + 1)}:1`);
    await newer.packed();
    assert.deepEqual(await sent(() => list(newer, account, place, ['body'], place.rows(1, 255))), ['find digestPacks']);
    const old = (await list(room.messages, account, place, ['body'])) as { body: Buffer }[];
    assert.equal(old[0]?.body.toString().startsWith('('), true);
    await room.messages.packed();
    assert.deepEqual(await sent(() => list(newer, account, place, ['body'], place.rows(1, 255))), ['find digestPacks']);
    await newer.close();
  });
});

function only(described: unknown, field: DigestField): unknown {
  const { messageId, hasAllHeaders, hasAttachments, ...fields } = described as ListedDigest;
  return { messageId, hasAllHeaders, hasAttachments, [field]: fields[field] };
}

async function listApart(room: TestRoom, account: AccountId, place: Place): Promise<unknown[]> {
  const ids = place.messages.map(({ messageId }) => messageId);
  return (await all(room.messages.digests(account, ids))).map((digest) => described(digest, FIELDS));
}

function isOf(key: Buffer, account: AccountId): boolean {
  return key.toString('hex', 0, 12) === account;
}

async function tables(room: TestRoom, account: AccountId): Promise<Buffer[]> {
  const collection = room.database.db.collection<{ _id: Buffer; table: Buffer }>('digestPacks', {
    promoteBuffers: true,
  });
  return (await collection.find(EVERY_ROW).toArray()).flatMap(({ _id, table }) => (isOf(_id, account) ? [table] : []));
}

async function packsOf(room: TestRoom, account: AccountId): Promise<number> {
  return (await tables(room, account)).length;
}

async function tableOctets(room: TestRoom, account: AccountId): Promise<number> {
  return (await tables(room, account)).reduce((sum, table) => sum + table.length, 0);
}
