import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { COMMANDS } from '../../imap-core/commands/registry.ts';
import { CAPABILITIES } from '../../imap-core/protocol/capabilities.ts';
import { startImapTestServer } from '../support/imap-test-server.ts';
import { readTranscript, TranscriptPlayer } from '../support/imap-transcript.ts';

const FOLDER = join(import.meta.dirname, '../transcripts/imap');
const transcripts = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.txt'))
  .sort()
  .map((name) => readTranscript(name, readFileSync(join(FOLDER, name), 'utf8')));

describe('IMAP transcripts', () => {
  for (const transcript of transcripts) {
    it(transcript.name, async () => {
      const server = await startImapTestServer({ allowsPlaintextLogin: transcript.allowsPlaintextLogin });
      try {
        await new TranscriptPlayer(server).play(transcript);
      } finally {
        await server.close();
      }
      assert.equal(server.alice.openSessions, 0, 'a session was left open');
      const isTroublePlanted = transcript.steps.some((step) =>
        /^@ fail \S+ (bug|UNAVAILABLE|outcome-unknown)$/.test(step),
      );
      assert.equal(server.complaints.length > 0, isTroublePlanted, server.complaints.join('\n'));
    });
  }

  it('show every capability that is announced', () => {
    const shown = new Set(transcripts.flatMap((transcript) => transcript.capabilities));
    assert.deepEqual(
      CAPABILITIES.map((row) => row.name).filter((name) => !shown.has(name)),
      [],
    );
    const known: readonly string[] = CAPABILITIES.map((row) => row.name);
    assert.deepEqual(
      [...shown].filter((name) => !known.includes(name)),
      [],
    );
  });

  it('give every command', () => {
    const given = new Set(
      transcripts
        .flatMap((transcript) => transcript.steps)
        .map((step) => /^[A-Z]> \S+ (?:UID )?(\S+)/i.exec(step)?.[1]?.toUpperCase()),
    );
    // The players log in by a direction too.
    assert.deepEqual(
      COMMANDS.map((command) => command.name).filter((name) => !given.has(name)),
      [],
    );
  });
});
