import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deserialize, serialize } from 'bson';
import type { AppendedRow, Change } from '../../lib/journal/changes.ts';
import { decodeRecord, encodeRecord, type StoredRecord } from '../../lib/journal/record-codec.ts';
import { newMailboxId } from '../../lib/kernel/ids.ts';
import { messageIdOf } from './journal-node.ts';

const AT = 1_700_000_000_123;
const mailbox = newMailboxId();
const row: AppendedRow = {
  uid: 7,
  messageId: messageIdOf('a'),
  thread: messageIdOf('t'),
  system: 9,
  keywords: ['$Junk', 'é'],
  size: 123_456,
  crlfSize: 123_400,
  internalDate: { at: AT - 5, zoneMinutes: -480 },
  sentDate: { at: -62_000_000_000_000, zoneMinutes: 845 },
};

const changes: readonly Change[] = [
  { kind: 'init', quotaOctets: 2 ** 40 },
  { kind: 'close' },
  { kind: 'quota', quotaOctets: 0 },
  { kind: 'create', mailbox, path: 'a/é', specialUse: '\\Sent', uidValidity: 2 ** 32 - 1 },
  { kind: 'create', mailbox, path: 'b', specialUse: undefined, uidValidity: 1 },
  { kind: 'remove', mailbox, placeholder: undefined },
  { kind: 'remove', mailbox, placeholder: newMailboxId() },
  { kind: 'rename', from: 'a', to: 'b/c' },
  { kind: 'subscribe', path: 'a', isSubscribed: false },
  { kind: 'append', mailbox, origin: 'delivery', rows: [row] },
  {
    kind: 'append',
    mailbox,
    origin: 'copy',
    rows: [
      row,
      { ...row, uid: 8, thread: row.messageId, sentDate: undefined, keywords: [], size: 0, crlfSize: 2 },
      { ...row, uid: 4_294_967_294 },
    ],
  },
  {
    kind: 'flags',
    mailbox,
    uids: [{ from: 1, to: 9 }],
    change: { mode: 'add', flags: { system: 1, keywords: ['x'] } },
    unseen: -9,
    deleted: 0,
  },
  { kind: 'expunge', mailbox, uids: [{ from: 3, to: 3 }], octets: 5 * 2 ** 32, unseen: 1, deleted: 1 },
  { kind: 'recent', mailbox, from: 12 },
  { kind: 'recount', mailbox, messages: 3, unseen: 2, deleted: 0, octets: 5 * 2 ** 32, uidNext: 2 ** 32 - 1 },
  { kind: 'sweep', messageIds: [messageIdOf('a'), messageIdOf('b')] },
];

/** As the database gives it back. */
function stored(record: Parameters<typeof encodeRecord>[0]): StoredRecord {
  return deserialize(serialize(encodeRecord(record), { ignoreUndefined: true }), {
    promoteBuffers: true,
  }) as StoredRecord;
}

describe('records', () => {
  for (const change of changes) {
    it(`${change.kind} goes through BSON and back`, () => {
      const record = { q: 2 ** 40, at: AT, token: '0123456789abcdef01234567', changes: [change] };
      assert.deepEqual(decodeRecord(record.q, stored(record)), record);
    });
  }

  it('a STORE of 100,000 messages takes a few hundred octets', () => {
    const change: Change = {
      kind: 'flags',
      mailbox,
      uids: [{ from: 1, to: 100_000 }],
      change: { mode: 'add', flags: { system: 1, keywords: [] } },
      unseen: -100_000,
      deleted: 0,
    };
    const octets = serialize(encodeRecord({ q: 1, at: AT, token: '0'.repeat(24), changes: [change] })).length;
    assert.ok(octets < 300, `${octets} octets`);
  });

  const unreadable: readonly [string, (record: StoredRecord) => unknown][] = [
    ['a later version', (record) => ({ ...record, v: 2 })],
    ['an unknown change', (record) => ({ ...record, changes: [{ k: 'teleport' }] })],
    ['a missing field', (record) => ({ ...record, changes: [{ k: 'rename', from: 'a' }] })],
    ['a field of another type', (record) => ({ ...record, changes: [{ k: 'quota', quota: '5' }] })],
    [
      'damaged rows',
      (record) => ({
        ...record,
        changes: [{ k: 'append', m: Buffer.alloc(12), origin: 'copy', rows: Buffer.of(1, 200) }],
      }),
    ],
    [
      'an unknown origin',
      (record) => ({ ...record, changes: [{ k: 'append', m: Buffer.alloc(12), origin: 'x', rows: Buffer.alloc(2) }] }),
    ],
  ];
  for (const [name, spoil] of unreadable) {
    it(`${name} makes the account unavailable, never skips`, () => {
      const record = stored({ q: 5, at: AT, token: '0'.repeat(24), changes: [{ kind: 'close' }] });
      assert.throws(() => decodeRecord(5, spoil(record) as StoredRecord), { code: 'unavailable' });
    });
  }
});
