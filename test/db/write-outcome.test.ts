import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  MongoBulkWriteError,
  MongoNetworkError,
  MongoServerError,
  MongoWriteConcernError,
  type BulkWriteResult,
} from 'mongodb';
import { insertManyOutcome, isDuplicateKey, toTemporary, writeOutcome } from '../../lib/db/index.ts';
import { MailError } from '../../lib/kernel/errors.ts';

const labelled = new MongoServerError({ message: 'stepping down', code: 1, errorLabels: ['RetryableWriteError'] });
const concern = new MongoWriteConcernError({
  ok: 1,
  writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' },
});

/** As the driver makes one: by its own error, or by write errors and write-concern errors of the reply. */
function bulk(
  error: ConstructorParameters<typeof MongoBulkWriteError>[0],
  writeErrors: { index: number; code: number }[] = [],
  isConcern = false,
) {
  const result = {
    getWriteErrors: () => writeErrors,
    getWriteConcernError: () => (isConcern ? { code: 64 } : undefined),
  } as unknown as BulkWriteResult;
  return new MongoBulkWriteError(error, result);
}

describe('outcome of one write', () => {
  const cases: readonly [name: string, error: unknown, outcome: string][] = [
    ['duplicate key', new MongoServerError({ message: 'E11000', code: 11000 }), 'duplicate'],
    ['refused by the server', new MongoServerError({ message: 'too large', code: 17420 }), 'failed'],
    ['not allowed', new MongoServerError({ message: 'no', code: 13 }), 'failed'],
    ['without a code', new MongoServerError({ message: 'odd' }), 'unknown'],
    ['stepping down', labelled, 'unknown'],
    ['not the primary any more', new MongoServerError({ message: 'x', code: 10107 }), 'unknown'],
    ['interrupted', new MongoServerError({ message: 'x', code: 11601 }), 'unknown'],
    ['out of time', new MongoServerError({ message: 'x', code: 50 }), 'unknown'],
    ['write concern', concern, 'unknown'],
    ['network', new MongoNetworkError('closed'), 'unknown'],
    ['anything else', new Error('what'), 'unknown'],
  ];
  for (const [name, error, outcome] of cases) {
    it(`${name}: ${outcome}`, () => {
      assert.equal(writeOutcome(error), outcome);
      assert.equal(isDuplicateKey(error), outcome === 'duplicate');
    });
  }
});

describe('outcome of each document of an insertMany', () => {
  const dup = { index: 1, code: 11000 };
  const cases: readonly [name: string, error: unknown, isOrdered: boolean, outcome: string][] = [
    ['ordered, a duplicate', bulk({ message: 'x', code: 11000 }, [dup]), true, 'inserted duplicate not-attempted'],
    ['unordered, a duplicate', bulk({ message: 'x', code: 11000 }, [dup]), false, 'inserted duplicate inserted'],
    ['unordered, refused', bulk({ message: 'x', code: 2 }, [{ index: 0, code: 2 }, dup]), false, 'failed duplicate inserted'], // prettier-ignore
    ['a write concern besides', bulk({ message: 'x', code: 11000 }, [dup], true), false, 'unknown duplicate unknown'],
    ['a write concern alone', bulk({ message: 'x', code: 64 }, [], true), false, 'unknown unknown unknown'],
    [
      'a write concern of which the driver keeps no list',
      bulk({ message: 'x', code: 91 }),
      true,
      'unknown unknown unknown',
    ],
    [
      'interrupted in the middle',
      bulk({ message: 'x', code: 11600 }, [{ index: 1, code: 11600 }]),
      true,
      'unknown unknown unknown',
    ],
    ['network', bulk(new MongoNetworkError('closed')), false, 'unknown unknown unknown'],
    ['stepping down', bulk(labelled), false, 'unknown unknown unknown'],
    [
      'refused as a whole',
      bulk(new MongoServerError({ ok: 0, message: 'no', code: 13 })),
      false,
      'failed failed failed',
    ],
    ['not a bulk error', new MongoNetworkError('closed'), true, 'unknown unknown unknown'],
  ];
  for (const [name, error, isOrdered, outcome] of cases) {
    it(`${name}: ${outcome}`, () => {
      const of = insertManyOutcome(error, isOrdered);
      assert.equal([0, 1, 2].map(of).join(' '), outcome);
    });
  }
});

describe('temporary failures', () => {
  it('trouble of the database is unavailable, anything else stays what it is', () => {
    const temporary = toTemporary(new MongoNetworkError('closed'));
    assert.ok(temporary instanceof MailError && temporary.code === 'unavailable');
    // A connection that breaks while a write waits to drain: the driver passes the socket's own error on.
    const broken = toTemporary(
      Object.assign(new Error('write EPIPE'), { code: 'EPIPE', errno: -32, syscall: 'write' }),
    );
    assert.ok(broken instanceof MailError && broken.code === 'unavailable');
    // One that the peer had ended before the write.
    const ended = toTemporary(
      Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' }),
    );
    assert.ok(ended instanceof MailError && ended.code === 'unavailable');
    const other = new Error('mine');
    assert.equal(toTemporary(other), other);
  });
});
