import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { COMMANDS } from '../../../imap-core/commands/registry.ts';
import { mayTellExpunge } from '../../../imap-core/connection/overlap.ts';

describe('EXPUNGE', () => {
  it('is not told in answer to commands that speak in sequence numbers', () => {
    const silent = COMMANDS.filter((command) => !mayTellExpunge(command.effects, false)).map((command) => command.name);
    assert.deepEqual(silent, ['COPY', 'FETCH', 'SEARCH', 'STORE']);
  });

  it('may be told in answer to any UID command', () => {
    for (const command of COMMANDS.filter((candidate) => candidate.hasUidForm)) {
      assert.equal(mayTellExpunge(command.effects, true), true, command.name);
    }
  });
});
