import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { seededRandom } from '../faults/seeded-random.ts';
import { runEider, type CommandResult } from '../support/eider-command.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { runKilled } from './killed-command.ts';
import { KilledSite } from './killed-site.ts';

const CREDENTIALS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalr/XUtnFEMI+K7MDENG', sessionToken: '' };

/** The commands against a server of S3's protocol on the loopback interface. @param isWhole each of them, and kills */
export function s3Suite(name: string, isWhole: boolean): void {
  describe(name, () => {
    let site: KilledSite;
    let server: S3Server;
    let target = '';
    let settings: string[] = [];
    before(async () => {
      site = await KilledSite.open(seededRandom(3));
      await site.live(5);
      server = await startS3Server(CREDENTIALS);
      target = `s3://${server.bucket}/mail/eider`;
      const key = join(site.folder, 'key');
      assert.equal((await runEider(['backup', 'new-key', key])).code, 0);
      settings = ['--key-file', key, ...bucketSettings()];
    });
    after(async () => {
      await server.close();
      await site.close();
    });

    const bucketSettings = (secret = CREDENTIALS.secretAccessKey): string[] =>
      [
        `backup.s3-endpoint=${server.endpoint}`,
        'backup.s3-region=eu-test-1',
        `backup.s3-access-key-id=${CREDENTIALS.accessKeyId}`,
        `backup.s3-secret-access-key=${secret}`,
      ].flatMap((setting) => ['--set', setting]);
    const run = (command: readonly string[], dataDir = site.dataDir): Promise<CommandResult> =>
      runEider([...command, ...settings, '--data-dir', dataDir]);
    const restored = async (): Promise<void> => {
      const other = await site.otherDirectory();
      const made = await run(['restore', target], other);
      assert.equal(made.code, 0, made.stderr);
      await site.assertStore(other, await site.look());
    };

    it('backs up to a bucket that is busy at first, under the prefix and sealed, and restores from it', async () => {
      server.failNext(2, 'busy');
      const made = await run(['backup', target]);
      assert.equal(made.code, 0, made.stderr);
      assert.match(made.stdout, /^full backup/m);
      const names = [...server.objects.keys()];
      assert.ok(names.length > 5 && names.every((one) => one.startsWith('mail/eider/')), names.join());
      assert.ok(![...server.objects.values()].some((octets) => octets.includes('message 1')));
      await restored();
      assert.equal(server.refused(), 0);
    });

    if (!isWhole) return;
    it('goes on with what was killed, on top of the backup before', async () => {
      await site.live(3);
      for (const nth of [2, 5]) {
        const death = { point: 'backup.object-written', nth };
        const { isKilled } = await runKilled(['backup', target, ...settings, '--data-dir', site.dataDir], death);
        assert.ok(isKilled);
        const listed = await run(['backup', 'list', target, '--json']);
        assert.equal(listed.stdout.trim().split('\n').length, 1, 'half a backup is listed');
      }
      server.failNext(3, 'cut');
      assert.match((await run(['backup', target])).stdout, /^incremental backup/m);
      assert.match((await run(['backup', 'verify', target])).stdout, /2 backups, \d+ objects: as they were written/);
      await restored();
    });

    it('removes old backups, and what is left is whole', async () => {
      await site.live(1);
      assert.equal((await run(['backup', target, '--full'])).code, 0);
      const before = server.objects.size;
      assert.equal((await run(['backup', 'prune', target, '--keep', '1'])).code, 0);
      assert.ok(server.objects.size < before);
      assert.match((await run(['backup', 'verify', target])).stdout, /1 backups, \d+ objects: as they were written/);
      await restored();
    });

    it('says what the server says where the secret is wrong', async () => {
      const key = settings.slice(0, 2);
      const wrong = ['backup', target, ...key, ...bucketSettings('wrong'), '--data-dir', site.dataDir];
      const refused = await runEider(wrong);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /refuses .*: 403 SignatureDoesNotMatch/);
      const nobody = await runEider(['backup', target, ...key, '--data-dir', site.dataDir]);
      assert.match(nobody.stderr, /a bucket needs backup\.s3-access-key-id/);
    });
  });
}
