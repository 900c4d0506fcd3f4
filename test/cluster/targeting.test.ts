import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Binary, MaxKey, MinKey, type Document } from 'mongodb';
import { targetingOf } from '../support/cluster/targeting.ts';

/** Where a router sends a command, by MongoDB's manual on targeted and broadcast operations. */

const id = new Binary(Buffer.from('a'));
const end = new Binary(Buffer.from('z'));
const range = { _id: { $gt: id, $lte: end } };

type Case = readonly [name: string, command: Document, kind: string, key?: readonly string[]];

const CHUNK_KEY = ['files_id', 'n'];
const CASES: readonly Case[] = [
  ['find by _id', { find: 'c', filter: { _id: id } }, 'targeted'],
  ['find by several', { find: 'c', filter: { _id: { $in: [id, end] } } }, 'targeted'],
  ['find in a range', { find: 'c', filter: range }, 'targeted'],
  ['find in a range within $and', { find: 'c', filter: { $and: [{ a: 1 }, range] } }, 'targeted'],
  ['find where every branch bounds', { find: 'c', filter: { $or: [{ _id: id }, range] } }, 'targeted'],
  ['find where a branch does not', { find: 'c', filter: { $or: [{ _id: id }, { a: 1 }] } }, 'broadcast'],
  ['find without a filter', { find: 'c' }, 'broadcast'],
  ['find by another field', { find: 'c', filter: { user: 'x' } }, 'broadcast'],
  ['find in half a range', { find: 'c', filter: { _id: { $gt: id } } }, 'broadcast'],
  [
    'find between the ends of all',
    { find: 'c', filter: { _id: { $gt: new MinKey(), $lt: new MaxKey() } } },
    'broadcast',
  ],
  ['find by exclusion', { find: 'c', filter: { _id: { $ne: id } } }, 'broadcast'],
  ['find by a pattern', { find: 'c', filter: { _id: /^a/ } }, 'broadcast'],
  ['find by a pattern in a list', { find: 'c', filter: { _id: { $in: [/^a/] } } }, 'broadcast'],
  ['count in a range', { count: 'c', query: range }, 'targeted'],
  ['count of all', { count: 'c', query: {} }, 'broadcast'],
  ['count by what shards know themselves', { count: 'c' }, 'targeted'],
  ['aggregate that begins with a range', { aggregate: 'c', pipeline: [{ $match: range }] }, 'targeted'],
  ['aggregate that matches late', { aggregate: 'c', pipeline: [{ $limit: 1 }, { $match: range }] }, 'broadcast'],
  ['insert', { insert: 'c', documents: [{ _id: id }] }, 'targeted'],
  ['update of one by _id', { update: 'c', updates: [{ q: { _id: id, rev: 1 }, u: {} }] }, 'targeted'],
  ['update of one in a range', { update: 'c', updates: [{ q: range, u: {} }] }, 'refused'],
  ['update of one among several', { update: 'c', updates: [{ q: { _id: { $in: [id, end] } }, u: {} }] }, 'refused'],
  ['update of many in a range', { update: 'c', updates: [{ q: range, u: {}, multi: true }] }, 'targeted'],
  ['update of many by another field', { update: 'c', updates: [{ q: { a: 1 }, u: {}, multi: true }] }, 'broadcast'],
  ['upsert by _id', { update: 'c', updates: [{ q: { _id: id }, u: {}, upsert: true }] }, 'targeted'],
  ['upsert in a range', { update: 'c', updates: [{ q: range, u: {}, multi: true, upsert: true }] }, 'refused'],
  [
    'a second statement that goes astray',
    {
      update: 'c',
      updates: [
        { q: { _id: id }, u: {} },
        { q: { a: 1 }, u: {} },
      ],
    },
    'refused',
  ],
  ['delete of one by _id', { delete: 'c', deletes: [{ q: { _id: id }, limit: 1 }] }, 'targeted'],
  ['delete of one by another field', { delete: 'c', deletes: [{ q: { a: 1 }, limit: 1 }] }, 'refused'],
  ['delete of many in a range', { delete: 'c', deletes: [{ q: range, limit: 0 }] }, 'targeted'],
  ['delete of everything', { delete: 'c', deletes: [{ q: {}, limit: 0 }] }, 'broadcast'],
  ['findAndModify by _id', { findAndModify: 'c', query: { _id: id } }, 'targeted'],
  ['findAndModify by another field', { findAndModify: 'c', query: { a: 1 } }, 'refused'],
  ['an index', { createIndexes: 'c', indexes: [{ key: { a: 1 }, name: 'a' }] }, 'targeted'],
  ['a unique index', { createIndexes: 'c', indexes: [{ key: { a: 1 }, name: 'a', unique: true }] }, 'refused'],
  [
    'a unique index that begins with the shard key',
    { createIndexes: 'c', indexes: [{ key: { _id: 1, a: 1 }, name: 'a', unique: true }] },
    'targeted',
  ],
  ['chunks of a file', { find: 'c', filter: { files_id: id, n: { $gte: 0 } } }, 'targeted', CHUNK_KEY],
  ['chunks by _id', { find: 'c', filter: { _id: id } }, 'broadcast', CHUNK_KEY],
  [
    'one chunk changed by its file alone',
    { update: 'c', updates: [{ q: { files_id: id }, u: {} }] },
    'refused',
    CHUNK_KEY,
  ],
  ['a chunk without its number', { insert: 'c', documents: [{ files_id: id }] }, 'refused', CHUNK_KEY],
  [
    "the unique index of GridFS's chunks",
    { createIndexes: 'c', indexes: [{ key: { files_id: 1, n: 1 }, name: 'x', unique: true }] },
    'targeted',
    CHUNK_KEY,
  ],
];

describe('a router', () => {
  for (const [name, command, kind, key = ['_id']] of CASES) {
    it(`${name}: ${kind}`, () => assert.equal(targetingOf(command, key).kind, kind));
  }
});
