import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { AccountIndex, readAttachments } from '../../lib/backup/account-index.ts';
import { openBackupSet, type BackupSet, type ObjectRef } from '../../lib/backup/backup-set.ts';
import { linesIn } from '../../lib/backup/catalogue.ts';
import { createBackup, createDirectoryTarget, restoreStore, verifyBackups } from '../../lib/backup/index.ts';
import type { AttachmentId, MessageId } from '../../lib/kernel/ids.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { openTestStore, withoutUidValidity } from './test-store.ts';

/** A part takes five messages, or two attachments. */
const PART_OCTETS = 8 + 5 * 16;

const idOf = (number: number): MessageId => number.toString(16).padStart(32, '0') as MessageId;
const hashOf = (number: number): AttachmentId =>
  createHash('sha256').update(String(number)).digest('hex') as AttachmentId;

describe('the list of what the backups hold of an account', () => {
  let directory: string;
  let set: BackupSet;
  /** Octets of what was read and written. */
  const passed: number[] = [];
  let backup = 0;
  before(async () => {
    directory = await temporaryDirectory('index');
    const stored = await openBackupSet(createDirectoryTarget(directory), undefined, { makes: true });
    set = {
      target: stored.target,
      key: stored.key,
      contentName: (hash) => stored.contentName(hash),
      readNamed: (name) => stored.readNamed(name),
      write: (name, octets) => {
        passed.push(octets.length);
        return stored.write(name, octets);
      },
      read: async (ref) => {
        const octets = await stored.read(ref);
        passed.push(octets.length);
        return octets;
      },
    };
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const open = async (parts: readonly ObjectRef[]): Promise<AccountIndex> => {
    backup += 1;
    return AccountIndex.open(set, (number) => `b${String(backup)}/${String(number)}`, parts, PART_OCTETS);
  };
  const held = async (parts: readonly ObjectRef[], upTo: number): Promise<number[]> => {
    const asked = new Set(Array.from({ length: upTo }, (_, number) => idOf(number)));
    await (await open(parts)).takeOut(asked);
    return Array.from({ length: upTo }, (_, number) => number).filter((number) => !asked.has(idOf(number)));
  };
  const attachmentsOf = async (parts: readonly ObjectRef[]): Promise<Map<AttachmentId, number>> => {
    const found = new Map<AttachmentId, number>();
    for (const part of parts) for (const [id, size] of await readAttachments(set, part)) found.set(id, size);
    return found;
  };

  it('finds what was put into it, whatever part that is in, and no part is larger than the bound', async () => {
    let parts: readonly ObjectRef[] = [];
    for (let number = 0; number < 60; number += 3) {
      const index = await open(parts);
      for (let one = number; one < number + 3; one += 1) {
        await index.addMessage(idOf(one));
        if (one % 4 === 0) await index.addAttachment(hashOf(one), one * 1000);
      }
      parts = (await index.finish()).parts;
      assert.deepEqual(
        await held(parts, 70),
        Array.from({ length: number + 3 }, (_, one) => one),
      );
    }
    const attachments = await attachmentsOf(parts);
    assert.deepEqual(
      [...attachments].sort(([, one], [, other]) => one - other),
      Array.from({ length: 15 }, (_, one) => [hashOf(one * 4), one * 4000]),
    );
    assert.ok(parts.length > 12);
    assert.ok(Math.max(...passed) <= PART_OCTETS);
  });

  it('writes the last part only, and none where nothing is new', async () => {
    const first = await open([]);
    for (let number = 0; number < 23; number += 1) await first.addMessage(idOf(number));
    const { parts } = await first.finish();
    assert.equal(parts.length, 5);
    const second = await open(parts);
    assert.deepEqual(await second.finish(), { parts, octets: 0 });
    const third = await open(parts);
    await third.addMessage(idOf(23));
    const grown = await third.finish();
    assert.deepEqual(grown.parts.slice(0, 4), parts.slice(0, 4));
    assert.equal(grown.octets, grown.parts[4]?.octets);
    assert.equal((await held(grown.parts, 30)).length, 24);
  });

  it('is read where it is one object, as the first backups have it', () => {
    const ref = { name: 'x', octets: 1, sha256: '' };
    const line = (index: unknown): unknown =>
      linesIn('catalogue', Buffer.from(`${JSON.stringify({ kind: 'user', index })}\n`))[0];
    assert.deepEqual(line(ref), { kind: 'user', index: [ref] });
    assert.deepEqual(line([ref, ref]), { kind: 'user', index: [ref, ref] });
    assert.deepEqual(line(undefined), { kind: 'user', index: [] });
  });
});

describe('backups of an account with a list in many parts', () => {
  it('hold each message once, and restore it', async () => {
    const source = await openTestStore();
    const directory = await temporaryDirectory('parts');
    try {
      await source.addUser('anna');
      const set = await openBackupSet(createDirectoryTarget(directory), undefined, { makes: true });
      const file = Buffer.from(Uint8Array.from({ length: 90_000 }, (_, index) => (index * 31 + (index >> 8)) & 0xff));
      const withFile = `Content-Transfer-Encoding: base64\r\nContent-Type: application/pdf\r\n\r\n${file
        .toString('base64')
        .replace(/.{76}/g, '$&\r\n')}\r\n`;
      for (let round = 0; round < 3; round += 1) {
        for (let number = 0; number < 12; number += 1)
          await source.append('anna', 'INBOX', Buffer.from(`Subject: ${String(round * 12 + number)}\r\n\r\nx\r\n`));
        await source.append('anna', 'INBOX', Buffer.from(`Subject: file ${String(round)}\r\n${withFile}`));
        const manifest = await createBackup(source, set, { indexPartOctets: PART_OCTETS });
        assert.deepEqual([manifest.counts.messages, manifest.counts.attachments], [13, round === 0 ? 1 : 0]);
        const damages: string[] = [];
        await verifyBackups(set, { onDamage: (sentence) => damages.push(sentence) });
        assert.deepEqual(damages, []);
        const restored = await openTestStore();
        try {
          await restoreStore(restored, set, manifest, {});
          assert.deepEqual(
            withoutUidValidity(await restored.look('anna')),
            withoutUidValidity(await source.look('anna')),
          );
        } finally {
          await restored.close();
        }
      }
    } finally {
      await source.close();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
