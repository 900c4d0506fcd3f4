import assert from 'node:assert/strict';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readBackupKey } from '../../lib/backup/index.ts';
import { readKeyRing } from '../../lib/encryption/index.ts';
import { readKeySource, type KeySource } from '../../workers/key-source.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';

const HEX = 'ab'.repeat(32);
const BASE64 = Buffer.from(HEX, 'hex').toString('base64');

describe('keys in files and settings', () => {
  let directory: string;
  before(async () => {
    directory = await temporaryDirectory('keys');
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const source = (given: Partial<KeySource>): KeySource => ({
    ...{ file: '', text: '', fileName: 'room.key-file', textName: 'room.key' },
    ...given,
  });
  const fileOf = async (text: string, mode = 0o600): Promise<string> => {
    const path = join(directory, 'key');
    await rm(path, { force: true });
    await writeFile(path, text);
    await chmod(path, mode);
    return path;
  };

  for (const [what, read] of [
    ['backups', async (given: KeySource) => (await readKeySource(given, readBackupKey))?.id],
    ['contents', async (given: KeySource) => (await readKeySource(given, readKeyRing))?.current.id],
  ] as const) {
    it(`are the same for ${what} in both spellings, in a file or not`, async () => {
      const id = await read(source({ text: HEX }));
      assert.ok(id !== undefined);
      assert.equal(await read(source({ text: BASE64 })), id);
      assert.equal(await read(source({ file: await fileOf(`${HEX}\n`) })), id);
      assert.equal(await read(source({ file: await fileOf(`${BASE64} # of May\n`, 0o400) })), id);
      assert.equal(await read(source({})), undefined);
    });

    it(`are refused for ${what} with the same sentences`, async () => {
      await assert.rejects(read(source({ file: await fileOf(HEX, 0o640) })), /can be read by others; .* chmod 600/);
      await assert.rejects(
        read(source({ file: await fileOf('secret') })),
        (error: Error) => /key: key 1 is not 32 octets/.test(error.message) && !error.message.includes('secret'),
      );
      await assert.rejects(read(source({ text: HEX.slice(1) })), /room\.key: key 1 is not 32 octets/);
      await assert.rejects(read(source({ file: await fileOf('# '.repeat(40_000)) })), /is no file of keys/);
      await assert.rejects(read(source({ file: directory })), /is no file of keys/);
      await assert.rejects(read(source({ file: join(directory, 'none') })), /cannot be read: ENOENT/);
      await assert.rejects(read(source({ file: 'x', text: HEX })), /room\.key-file and room\.key are both set/);
    });
  }
});
