import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { CommandStartedEvent } from 'mongodb';
import { openDatabase } from '../../lib/db/index.ts';
import { ReplicaSet } from '../support/cluster/replica-set.ts';

const WEAK =
  'w=1&journal=false&wtimeoutMS=1&readConcernLevel=local&readPreference=secondaryPreferred&retryWrites=false';

it('no connection string weakens what writes and reads ask for', async () => {
  const set = await ReplicaSet.start();
  const database = await openDatabase({ uri: `${set.uri}&${WEAK}`, name: 'weak', monitorCommands: true });
  const sent: Record<string, unknown>[] = [];
  const note = ({ commandName, command }: CommandStartedEvent): void => {
    const { writeConcern, readConcern, $readPreference, txnNumber } = command as Record<string, unknown>;
    const isRetryable = txnNumber !== undefined;
    sent.push(
      JSON.parse(JSON.stringify({ commandName, writeConcern, readConcern, $readPreference, isRetryable })) as never,
    );
  };
  try {
    database.client.on('commandStarted', note);
    const rows = database.collection<{ _id: string }>('rows');
    await rows.insertOne({ _id: 'a' });
    assert.deepEqual(await rows.findOne({ _id: 'a' }), { _id: 'a' });
    assert.deepEqual(sent, [
      { commandName: 'insert', writeConcern: { w: 'majority', j: true, wtimeout: 8000 }, isRetryable: true },
      { commandName: 'find', readConcern: { level: 'majority' }, isRetryable: false },
    ]);
  } finally {
    database.client.off('commandStarted', note);
    await database.close();
    await set.close();
  }
});
