import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  createBackup,
  createDirectoryTarget,
  openBackupSet,
  pruneBackups,
  restoreStore,
  verifyBackups,
  type BackupSet,
  type Manifest,
} from '../../lib/backup/index.ts';
import type { BackupTarget } from '../../lib/backup/backup-target.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { openTestStore, type TestStore } from './test-store.ts';

const FILE = Buffer.from(Uint8Array.from({ length: 90_000 }, (_, index) => (index * 31 + (index >> 8)) & 0xff));

function withFile(subject: string): Buffer {
  const encoded = FILE.toString('base64').replace(/.{76}/g, '$&\r\n');
  return Buffer.from(
    `Subject: ${subject}\r\nMIME-Version: 1.0\r\nContent-Type: application/pdf\r\n` +
      `Content-Transfer-Encoding: base64\r\n\r\n${encoded}\r\n`,
  );
}

describe('damage at the target', () => {
  let source: TestStore;
  let directory: string;
  let target: BackupTarget;
  let set: BackupSet;
  let manifest: Manifest;

  before(async () => {
    source = await openTestStore();
    directory = await temporaryDirectory('backup');
    target = createDirectoryTarget(directory);
    set = await openBackupSet(target, undefined, { makes: true });
    await source.addUser('anna');
    await source.addUser('bert');
    await source.append('anna', 'INBOX', Buffer.from('Subject: small\r\n\r\nonly text\r\n'));
    await source.append('anna', 'INBOX', withFile('anna'));
    await source.append('bert', 'INBOX', withFile('bert'));
    manifest = await createBackup(source, set);
  });
  after(async () => {
    await source.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function find(pattern: RegExp): Promise<string> {
    for await (const { name } of target.list('')) if (pattern.test(name)) return name;
    throw new Error(`no object ${String(pattern)}`);
  }

  const ways: readonly [string, (path: string, octets: Buffer) => Promise<void>][] = [
    [
      'an octet is flipped',
      (path, octets) => writeFile(path, octets.with(octets.length >> 1, (octets[octets.length >> 1] ?? 0) ^ 4)),
    ],
    ['it is cut off', (path, octets) => writeFile(path, octets.subarray(0, octets.length - 7))],
    ['it is missing', (path) => rm(path)],
  ];
  const objects: readonly [string, () => Promise<RegExp>, { readonly users: number; readonly messages: number }][] = [
    ['a pack', async () => new RegExp(`users/${(await source.user('anna')).id}/000001`), { users: 1, messages: 1 }],
    ['an attachment', async () => /attachments\//, { users: 2, messages: 1 }],
    [
      'a list of content',
      async () => new RegExp(`users/${(await source.user('anna')).id}/index`),
      { users: 2, messages: 2 },
    ],
  ];
  for (const [what, pattern, left] of objects) {
    for (const [how, damage] of ways) {
      it(`is named where of ${what} ${how}, stops a restore, and is left out on demand`, async () => {
        const name = await find(await pattern());
        const path = join(directory, name);
        const octets = await readFile(path);
        await damage(path, octets);
        try {
          const found: string[] = [];
          const { damages } = await verifyBackups(set, { onDamage: (sentence) => found.push(sentence) });
          assert.equal(damages, found.length);
          assert.ok(
            found.some((sentence) => sentence.includes(name)),
            found.join('\n'),
          );
          const restored = await openTestStore();
          try {
            await assert.rejects(restoreStore(restored, set, manifest, { isDryRun: true }), /DamagedObject/);
            const leftOut: string[] = [];
            const report = await restoreStore(restored, set, manifest, { onDamage: (one) => leftOut.push(one) });
            assert.ok(leftOut.length > 0);
            assert.deepEqual({ users: report.users, messages: report.messages }, left);
            assert.deepEqual(await restored.damages(), []);
          } finally {
            await restored.close();
          }
        } finally {
          await writeFile(path, octets);
        }
      });
    }
  }

  it('is named where the catalogue or the manifest are damaged', async () => {
    for (const pattern of [/catalogue-000001/, /manifest/]) {
      const name = await find(pattern);
      const octets = await readFile(join(directory, name));
      await writeFile(join(directory, name), octets.subarray(0, -1));
      const found: string[] = [];
      await verifyBackups(set, { onDamage: (sentence) => found.push(sentence) });
      assert.ok(
        found.some((sentence) => sentence.includes(name)),
        found.join('\n'),
      );
      // What is needed cannot be known, so nothing is removed.
      await assert.rejects(pruneBackups(set, source.clock, { last: 1, daily: 0, weekly: 0, monthly: 0 }), {
        name: 'DamagedObject',
      });
      await writeFile(join(directory, name), octets);
    }
  });

  it('in the store is told, and the rest is backed up', async () => {
    const { account } = await source.user('bert');
    const messages = source.database.collection('messages');
    const { account: anna } = await source.user('anna');
    const lost = await messages.findOne({
      _id: {
        $gte: Buffer.from(`${anna}${'00'.repeat(16)}`, 'hex'),
        $lte: Buffer.from(`${anna}${'ff'.repeat(16)}`, 'hex'),
      } as never,
    });
    assert.ok(lost !== null);
    await messages.deleteOne({ _id: lost._id });
    const full = await createBackup(source, set, { isFull: true });
    assert.equal(full.problems.length, 1);
    assert.match(full.problems[0] ?? '', /user anna: content of message [0-9a-f]{32} is missing/);
    await messages.insertOne(lost);
    await source.append('bert', 'INBOX', Buffer.from('Subject: new\r\n\r\nx\r\n'));
    assert.ok(account.length > 0);
    // What was lacking is looked for again.
    assert.deepEqual((await createBackup(source, set)).problems, []);
  });

  it('does not come from pruning: what a kept backup needs stays', async () => {
    await source.rooms.accounts.remove((await source.user('bert')).id);
    const last = await createBackup(source, set);
    const before = await objectsOf(target);
    const rules = { last: 2, daily: 0, weekly: 0, monthly: 0 };
    const planned = await pruneBackups(set, source.clock, rules, { isDryRun: true });
    assert.equal((await objectsOf(target)).length, before.length);
    const report = await pruneBackups(set, source.clock, rules);
    assert.deepEqual(report, planned);
    assert.ok(report.removed.includes(manifest.id));
    assert.ok((await objectsOf(target)).length < before.length);
    const found: string[] = [];
    const verified = await verifyBackups(set, { onDamage: (sentence) => found.push(sentence) });
    assert.deepEqual([verified.backups, found], [2, []]);
    const restored = await openTestStore();
    try {
      assert.equal((await restoreStore(restored, set, last, {})).messages, 2);
      assert.deepEqual(await restored.damages(), []);
    } finally {
      await restored.close();
    }
  });
});

async function objectsOf(target: BackupTarget): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of target.list('')) names.push(name);
  return names;
}
