import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Maildrop } from '../../../lib/frontends/pop3/maildrop.ts';
import { MaildropColumns } from '../../../lib/frontends/pop3/maildrop-columns.ts';
import type { MessageId, Uid } from '../../../lib/kernel/ids.ts';

function maildrop(messages: readonly (readonly [uid: number, id: string])[]): Maildrop {
  const columns = new MaildropColumns(messages.length + 1);
  for (const [index, [uid, id]] of messages.entries()) {
    columns.add({ uid: uid as Uid, messageId: id.padStart(32, '0') as MessageId, crlfSize: 100 * (index + 1) });
  }
  return new Maildrop(columns);
}

function mark(drop: Maildrop, ...numbers: readonly number[]): void {
  for (const number of numbers) {
    const message = drop.find(number);
    assert.ok(message);
    drop.mark(message);
  }
}

describe('maildrop', () => {
  it('counts what is not marked, and never shifts a number', () => {
    const drop = maildrop([
      [5, 'a'],
      [6, 'b'],
      [9, 'c'],
    ]);
    assert.deepEqual([drop.count, drop.octets], [3, 600]);
    mark(drop, 2);
    assert.deepEqual([drop.count, drop.octets], [2, 400]);
    assert.equal(drop.find(2), undefined);
    assert.equal(drop.find(3)?.uid, 9);
    assert.deepEqual(
      Array.from(drop.live(), ({ number }) => number),
      [1, 3],
    );
    drop.unmarkAll();
    assert.deepEqual([drop.count, drop.octets], [3, 600]);
  });

  it('has no message 0, and none past the last', () => {
    const drop = maildrop([[1, 'a']]);
    assert.equal(drop.find(0), undefined);
    assert.equal(drop.find(2), undefined);
  });

  it('tells later copies of a message apart, the same in every session', () => {
    const drop = maildrop([
      [1, 'a'],
      [2, 'b'],
      [3, 'a'],
      [4, 'a'],
    ]);
    mark(drop, 1);
    assert.deepEqual(
      Array.from(drop.live(), (message) => drop.uniqueId(message).replace(/^0+/, '')),
      ['b', 'a-2', 'a-3'],
    );
  });

  it('names exactly the UIDs that are marked', () => {
    const drop = maildrop([1, 2, 3, 7, 8, 12].map((uid) => [uid, String(uid)] as const));
    assert.deepEqual(drop.marked(), []);
    mark(drop, 6, 2, 1, 4, 5);
    assert.deepEqual(drop.marked(), [
      { from: 1, to: 2 },
      { from: 7, to: 8 },
      { from: 12, to: 12 },
    ]);
  });
});
