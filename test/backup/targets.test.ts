import assert from 'node:assert/strict';
import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { TargetError, type BackupTarget } from '../../lib/backup/backup-target.ts';
import { createDirectoryTarget } from '../../lib/backup/directory-target.ts';
import { signRequest } from '../../lib/backup/s3-signature.ts';
import { createS3Target } from '../../lib/backup/s3-target.ts';
import { lockTarget, type TargetLock } from '../../lib/backup/target-lock.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';

const CREDENTIALS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalr/XUtnFEMI+K7MDENG', sessionToken: '' };

async function names(target: BackupTarget, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of target.list(prefix)) found.push(name);
  return found.sort();
}

/** What every target promises. */
function promises(open: () => BackupTarget): void {
  it('keeps objects whole, by name', async () => {
    const target = open();
    assert.equal(await target.get('a/b'), undefined);
    assert.equal(await target.size('a/b'), undefined);
    await target.put('a/b', Buffer.from('first'));
    await target.put('a/b', Buffer.from('second'));
    assert.deepEqual(await target.get('a/b'), Buffer.from('second'));
    assert.equal(await target.size('a/b'), 6);
    assert.equal(await target.putIfAbsent('a/b', Buffer.from('third')), false);
    assert.equal(await target.putIfAbsent('a/c', Buffer.alloc(0)), true);
    assert.deepEqual(await target.get('a/c'), Buffer.alloc(0));
    await target.remove('a/b');
    await target.remove('a/b');
    assert.equal(await target.get('a/b'), undefined);
  });

  it('lists by prefix, however many there are', async () => {
    const target = open();
    for (let number = 0; number < 20; number += 1) await target.put(`many/${String(number)}/x`, Buffer.alloc(number));
    assert.equal((await names(target, 'many/')).length, 20);
    assert.deepEqual(await names(target, 'many/1/'), ['many/1/x']);
    assert.deepEqual(await names(target, 'nothing/'), []);
  });

  it('is locked by one of those who find the same lock lapsed, however far the slowest has got', async () => {
    const target = open();
    const lapsed = { token: 'x', host: 'another machine', pid: 1, at: systemClock.now() - 11 * 60_000 };
    let isOver = false;
    for (let late = 1; !isOver; late += 1) {
      for (const [turn, others] of [[true], [false, true]].entries()) {
        await target.put(`locks/${String(late * 100 + turn * 10)}`, Buffer.from(JSON.stringify(lapsed)));
        let holders = 0;
        const lock = async (as: BackupTarget): Promise<TargetLock | undefined> =>
          lockTarget(as, systemClock).catch((error: unknown) => {
            assert.ok(error instanceof TargetError);
            return undefined;
          });
        let calls = 0;
        const slow = watched(target, async () => {
          calls += 1;
          if (calls !== late) return;
          for (const keeps of others) {
            const other = await lock(target);
            if (keeps && other !== undefined) holders += 1;
            else await other?.release();
          }
        });
        const own = await lock(slow);
        isOver = calls < late;
        if (own !== undefined) holders += 1;
        assert.equal(holders, 1, `${String(late)}, ${String(others)}`);
        await own?.require();
      }
    }
  });
}

/** The target, and what is awaited before each call. */
function watched(target: BackupTarget, before: () => Promise<void>): BackupTarget {
  return {
    ...target,
    put: (...given) => before().then(() => target.put(...given)),
    putIfAbsent: (...given) => before().then(() => target.putIfAbsent(...given)),
    get: (...given) => before().then(() => target.get(...given)),
    remove: (...given) => before().then(() => target.remove(...given)),
    list: async function* (...given) {
      await before();
      yield* target.list(...given);
    },
  };
}

describe('a folder as a target', () => {
  let root: string;
  before(async () => {
    root = await temporaryDirectory('target');
  });
  after(() => rm(root, { recursive: true, force: true }));
  promises(() => createDirectoryTarget(root));

  it('loses what killed writers have left, to who holds the lock, and not what somebody may be writing', async () => {
    const folder = join(root, 'left');
    const target = createDirectoryTarget(folder);
    await target.put('backups/b/one', Buffer.from('x'));
    const [left, asking, old] = ['backups/b/.part-1', 'locks/.part-2', 'locks/.part-3'].map((name) =>
      join(folder, name),
    );
    assert.ok(left !== undefined && asking !== undefined && old !== undefined);
    await mkdir(join(folder, 'locks'));
    for (const path of [left, asking, old]) await writeFile(path, 'half');
    const longAgo = new Date(systemClock.now() - 3_600_000);
    await utimes(old, longAgo, longAgo);
    const away = { token: 'x', host: 'another machine', pid: 1, at: systemClock.now() };
    const note = async (lock: object): Promise<void> => target.put('locks/7', Buffer.from(JSON.stringify(lock)));
    const there = async (): Promise<string[]> =>
      (await readdir(folder, { recursive: true })).filter((name) => name.includes('.part-')).sort();

    await note(away);
    await assert.rejects(lockTarget(target, systemClock), /process 1 on another machine works on/);
    assert.equal((await there()).length, 3, 'not without the lock');
    await note({ ...away, at: away.at + 86_400_000 });
    await assert.rejects(lockTarget(target, systemClock), /the clocks differ, .* remove the object locks\/7\)$/);
    await note({ ...away, at: away.at - 11 * 60_000 });
    await (await lockTarget(target, systemClock)).release();
    assert.equal((await there()).length, 3, 'the one whose lock lapsed may be writing');
    await (await lockTarget(target, systemClock)).release();
    assert.deepEqual(await there(), ['locks/.part-2']);
    assert.deepEqual(await names(target, ''), ['backups/b/one', 'locks/9']);
  });
});

describe('a bucket as a target', () => {
  let server: S3Server;
  const open = (secretAccessKey = CREDENTIALS.secretAccessKey): BackupTarget =>
    createS3Target({
      endpoint: server.endpoint,
      region: 'eu-test-1',
      bucket: server.bucket,
      prefix: 'some place/ü+/',
      credentials: { ...CREDENTIALS, secretAccessKey },
      clock: systemClock,
      firstPauseMs: 1,
    });
  before(async () => {
    server = await startS3Server(CREDENTIALS);
  });
  after(() => server.close());
  promises(open);

  it('puts its names below the prefix', () => {
    assert.ok([...server.objects.keys()].every((name) => name.startsWith('some place/ü+/')));
    assert.equal(server.refused(), 0);
  });

  it('tries again what was busy or cut off', async () => {
    server.failNext(2, 'busy');
    await open().put('again', Buffer.from('x'));
    server.failNext(1, 'cut');
    assert.deepEqual(await open().get('again'), Buffer.from('x'));
  });

  it('says what the server says where the secret is wrong', async () => {
    await assert.rejects(open('wrong').put('x', Buffer.alloc(1)), /403 SignatureDoesNotMatch/);
    assert.equal(server.refused(), 1);
  });

  it('signs as the published example of GET Object wants', () => {
    const signed = signRequest(
      {
        method: 'GET',
        url: new URL('https://examplebucket.s3.amazonaws.com/test.txt'),
        headers: { range: 'bytes=0-9' },
        body: undefined,
      },
      {
        accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
        secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
        sessionToken: '',
      },
      'us-east-1',
      Date.UTC(2013, 4, 24),
    );
    assert.match(
      signed['authorization'] ?? '',
      /Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41$/,
    );
  });
});
