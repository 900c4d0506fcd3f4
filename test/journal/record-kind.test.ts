import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Change, JournalRecord } from '../../lib/journal/changes.ts';
import { kindOfRecords } from '../../lib/journal/record-kind.ts';

/** The rules read nothing but the kinds of the changes and where messages came from. */
const record = (...changes: readonly object[]): JournalRecord => ({
  q: 1,
  at: 0,
  token: '',
  changes: changes as readonly Change[],
});

it('names the command of a record by what tells it best', () => {
  const recent = { kind: 'recent' };
  for (const [name, records] of [
    ['delivery', [record({ kind: 'append', origin: 'delivery' }, recent)]],
    ['append', [record({ kind: 'append', origin: 'append' })]],
    ['copy', [record({ kind: 'append', origin: 'copy' })]],
    ['move', [record({ kind: 'append', origin: 'copy' }, { kind: 'expunge' })]],
    ['flags', [record({ kind: 'flags' }, recent)]],
    ['expunge', [record({ kind: 'expunge' })]],
    ['create', [record({ kind: 'create' }, { kind: 'subscribe' })]],
    ['rename', [record({ kind: 'create' }, { kind: 'rename' })]],
    ['remove', [record({ kind: 'remove' })]],
    ['init', [record({ kind: 'init' }, { kind: 'create' }, { kind: 'subscribe' })]],
    ['subscribe', [record({ kind: 'subscribe' })]],
    ['recent', [record(recent)]],
    ['group', [record({ kind: 'flags' }), record({ kind: 'flags' })]],
  ] as const)
    assert.equal(kindOfRecords(records), name);
});
