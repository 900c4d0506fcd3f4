import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { prepareDataDirectory, requireDataDirectory } from '../../workers/data-directory.ts';
import { writeReadyFile } from '../../workers/ready-file.ts';

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('the data directory', () => {
  let root = '';
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'eider-data-'));
  });
  after(() => rm(root, { recursive: true, force: true }));

  it('is made, with its parents, for its owner alone', async () => {
    assert.equal(await prepareDataDirectory(join(root, 'a/b')), join(root, 'a/b'));
    assert.equal(await modeOf(join(root, 'a/b')), 0o700);
  });

  it('is closed where it was open to others', async () => {
    await mkdir(join(root, 'open'), { mode: 0o755 });
    await prepareDataDirectory(join(root, 'open'));
    assert.equal(await modeOf(join(root, 'open')), 0o700);
  });

  it('is told where it cannot be had', async () => {
    await writeFile(join(root, 'file'), '');
    await assert.rejects(prepareDataDirectory(join(root, 'file')), /cannot be used/);
    await assert.rejects(requireDataDirectory(join(root, 'file')), /no data directory/);
    await assert.rejects(requireDataDirectory(join(root, 'nowhere')), /no data directory/);
  });

  it("is not somebody else's folder, which stays as it is", async () => {
    const other = join(root, 'other');
    await mkdir(other, { mode: 0o755 });
    await writeFile(join(other, 'passwd'), 'root');
    await assert.rejects(prepareDataDirectory(other), /holds other things/);
    assert.equal(await modeOf(other), 0o755);
    await assert.rejects(requireDataDirectory(other), /no data directory/);
    await writeFile(join(other, 'engine.sqlite'), '');
    assert.equal(await prepareDataDirectory(other), other);
    assert.equal(await modeOf(other), 0o700);
    assert.equal(await requireDataDirectory(other), other);
  });

  it('holds a ready file that only its owner reads', async () => {
    const file = join(root, 'ready.json');
    const report = { pid: 1, lmtp: { host: '127.0.0.1', port: 2 }, adminToken: 't' };
    await writeReadyFile(file, report);
    assert.equal(await modeOf(file), 0o600);
    assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), report);
  });
});
