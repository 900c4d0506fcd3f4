import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { newAccountId, type MessageId } from '../../lib/kernel/ids.ts';
import { isHotField, type MessageDigest, type MessageRenderer } from '../../lib/messages/index.ts';
import { all, APPEND, openTestRoom, plainRenderer, type TestRoom } from './message-room.ts';
import { sampleMessage } from './sample-message.ts';

/** Renders so much that it does not fit a document. */
function wordyRenderer(version: number): MessageRenderer {
  return {
    version,
    render: () => ({
      envelope: Buffer.alloc(400_000, 'e'),
      bodyStructure: Buffer.alloc(3, 's'),
      body: Buffer.alloc(200_000, 'b'),
    }),
  };
}

describe('renderings and digests', () => {
  let room: TestRoom;
  before(async () => {
    room = await openTestRoom();
  });
  after(() => room.close());

  const digest = async (
    messages: TestRoom['messages'],
    account: Parameters<TestRoom['put']>[0],
    id: MessageId,
  ): Promise<MessageDigest> => {
    const [only] = await all(messages.digests(account, [id]));
    assert.ok(only);
    return only;
  };

  it('come in the order of the ids, over batches, gaps and repetitions', async () => {
    const account = newAccountId();
    const stored = await Promise.all(
      Array.from({ length: 300 }, (_, number) => room.put(account, Buffer.from(`Subject: number ${number}\r\n\r\nx`))),
    );
    const missing = randomBytes(16).toString('hex') as MessageId;
    const ids = [
      ...stored.map(({ messageId }) => messageId),
      missing,
      ...stored
        .slice(0, 300)
        .map(({ messageId }) => messageId)
        .reverse(),
    ];
    const digests = await all(room.messages.digests(account, ids));
    assert.equal(digests.length, 601);
    assert.equal(digests[300], undefined);
    assert.deepEqual(
      digests.map((one) => one?.messageId),
      ids.map((id) => (id === missing ? undefined : id)),
    );
    assert.equal(digests[299]?.headers.toString(), 'Subject: number 299\r\n');
    assert.deepEqual(await all(room.messages.digests(account, [])), []);
    for await (const first of room.messages.digests(account, ids)) {
      assert.equal(first?.messageId, ids[0]);
      break;
    }
  });

  it('are made by the renderer and stored as they are', async () => {
    const account = newAccountId();
    const { messageId } = await room.put(account, sampleMessage({ attachment: randomBytes(10), subject: 'one' }));
    const opened = await room.messages.open(account, messageId);
    assert.ok(opened.envelope.toString().startsWith('E1:From: Ann'));
    assert.equal(opened.bodyStructure.toString(), 'S1:multipart/mixed text/plain image/png');
    assert.equal(opened.body.toString(), 'B1:3');
    const one = await digest(room.messages, account, messageId);
    assert.ok(one.envelope.equals(opened.envelope));
    assert.deepEqual(one.parts, opened.parts);
  });

  it('are made again where another version has made them, and kept', async () => {
    const account = newAccountId();
    const prefix = Buffer.from('Received: x\r\n');
    const octets = sampleMessage({ attachment: randomBytes(70_000), subject: 'two' });
    const { messageId } = await room.put(account, octets, { prefix });
    let renders = 0;
    const renderer: MessageRenderer = {
      version: 2,
      render: (message) => {
        renders += 1;
        return plainRenderer(2).render(message);
      },
    };
    const other = room.another({ renderer });
    assert.ok((await digest(other.messages, account, messageId)).envelope.toString().startsWith('E2:From: Ann'));
    const opened = await other.messages.open(account, messageId);
    assert.equal(opened.body.toString(), 'B2:3');
    assert.ok((await opened.readRange(prefix.length, opened.parts[0]!.bodyStart)).toString().endsWith('\r\n\r\n'));
    assert.equal(renders, 1);
  });

  it('that are large lie beside the document', async () => {
    const { messages, attachments } = room.another({ renderer: wordyRenderer(7) });
    const account = newAccountId();
    const ingested = await messages.ingest(single(Buffer.from('Subject: wordy\r\n\r\n')), { maxOctets: 1000 });
    const { messageId } = await messages.store(account, ingested, {
      origin: { kind: 'append' },
      prefix: Buffer.alloc(0),
      q: 1,
      now: 0,
    });
    const one = await digest(messages, account, messageId);
    assert.deepEqual([one.envelope.length, one.bodyStructure.toString(), one.body.length], [400_000, 'sss', 200_000]);
    assert.equal(one.headers.toString(), 'Subject: wordy\r\n');
    assert.deepEqual(await messages.checkMessage(account, messageId), []);
    // Growing and shrinking with the version.
    const plain = room.another({ renderer: plainRenderer(8) });
    assert.equal((await plain.messages.open(account, messageId)).body.toString(), 'B8:1');
    const again = room.another({ renderer: wordyRenderer(9) });
    assert.equal((await again.messages.open(account, messageId)).envelope.length, 400_000);
    assert.equal(
      (await digest(room.another({ renderer: wordyRenderer(9) }).messages, account, messageId)).body.length,
      200_000,
    );
    assert.ok(attachments);
  });

  it('of a newer version are left as they are', async () => {
    const account = newAccountId();
    const { messages } = room.another({ renderer: plainRenderer(5) });
    const ingested = await messages.ingest(single(Buffer.from('Subject: new\r\n\r\n')), { maxOctets: 1000 });
    const { messageId } = await messages.store(account, ingested, APPEND);
    assert.equal(
      (await room.another({ renderer: plainRenderer(4) }).messages.open(account, messageId)).body.toString(),
      'B4:1',
    );
    const stored = await room.database.db
      .collection('messages')
      .findOne({ _id: Buffer.from(account + messageId, 'hex') });
    assert.equal(stored?.['renderVersion'], 5);
  });

  it('are flat where a structure cannot be rendered', async () => {
    const account = newAccountId();
    const renderer: MessageRenderer = {
      version: 1,
      render: (message) => {
        if (message.parts.length > 1) throw new RangeError('too much');
        return plainRenderer().render(message);
      },
    };
    const { messages } = room.another({ renderer });
    const octets = sampleMessage({ attachment: randomBytes(100_000), subject: 'flat' });
    const ingested = await messages.ingest(single(octets), { maxOctets: 1 << 20 });
    const { messageId } = await messages.store(account, ingested, APPEND);
    const opened = await messages.open(account, messageId);
    assert.equal(opened.bodyStructure.toString(), 'S1:application/octet-stream');
    assert.equal(opened.parts.length, 1);
    assert.ok((await opened.readRange(0, opened.size)).equals(octets));
  });

  it('say whether the hot fields are complete', async () => {
    const account = newAccountId();
    const small = await room.put(account, Buffer.from('To: a@x\r\nX-Other: y\r\nlist-id: <z>\r\nSubject: no line end'));
    const one = await digest(room.messages, account, small.messageId);
    assert.equal(one.headers.toString(), 'To: a@x\r\nlist-id: <z>\r\nSubject: no line end\r\n');
    assert.equal(one.hasAllHeaders, true);
    const large = await room.put(account, Buffer.from(`Subject: s\r\nTo: ${'a@example.com, '.repeat(5000)}\r\n\r\n`));
    const other = await digest(room.messages, account, large.messageId);
    assert.equal(other.hasAllHeaders, false);
    assert.equal(other.headers.toString(), 'Subject: s\r\n');
    assert.ok(
      isHotField('SUBJECT') && isHotField('List-Unsubscribe') && !isHotField('X-Other') && !isHotField('constructor'),
    );
  });
});

async function* single(octets: Buffer): AsyncGenerator<Buffer> {
  yield octets;
}
