import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { backupKey, contentName, readBackupKey } from '../../lib/backup/backup-key.ts';
import { openObject, sealObject } from '../../lib/backup/sealed-object.ts';

const KEY = backupKey(randomBytes(32));
const HEADER_OCTETS = 40;
const CHUNK = 64 * 1024 + 16;

describe('a sealed object', () => {
  for (const [title, key] of [
    ['with a key', KEY],
    ['without one', undefined],
  ] as const) {
    for (const octets of [0, 1, 65_536, 65_537, 300_000])
      it(`of ${String(octets)} octets opens ${title}`, async () => {
        for (const content of [Buffer.alloc(octets, 'mail '), randomBytes(octets)])
          assert.deepEqual(await openObject('a', await sealObject('a', content, key), key), content);
      });

    it(`is refused ${title} where any octet differs, and at any length but its own`, async () => {
      const sealed = await sealObject('a', randomBytes(150_000), key);
      const places = [
        0,
        8,
        9,
        10,
        12,
        16,
        30,
        HEADER_OCTETS,
        HEADER_OCTETS + CHUNK - 1,
        HEADER_OCTETS + CHUNK,
        sealed.length - 1,
      ];
      for (const place of places) {
        const damaged = Buffer.from(sealed);
        damaged[place] = (damaged[place] ?? 0) ^ 1;
        await assert.rejects(openObject('a', damaged, key), /^(DamagedObject|WrongKey)/, `octet ${String(place)}`);
      }
      for (const length of [0, 10, HEADER_OCTETS, HEADER_OCTETS + CHUNK, HEADER_OCTETS + 2 * CHUNK, sealed.length - 1])
        await assert.rejects(openObject('a', sealed.subarray(0, length), key), { name: 'DamagedObject' });
      await assert.rejects(openObject('a', Buffer.concat([sealed, Buffer.alloc(1)]), key), { name: 'DamagedObject' });
    });

    it(`is refused ${title} in the place of another one`, async () => {
      const sealed = await sealObject('a', Buffer.from('content'), key);
      await assert.rejects(openObject('b', sealed, key), { name: 'DamagedObject' });
    });
  }

  it('is refused where its pieces stand in another order', async () => {
    const sealed = await sealObject('a', randomBytes(4 * 65_536), KEY);
    const piece = (number: number): Buffer =>
      sealed.subarray(HEADER_OCTETS + number * CHUNK, HEADER_OCTETS + (number + 1) * CHUNK);
    const mixed = Buffer.concat([sealed.subarray(0, HEADER_OCTETS), piece(1), piece(0), piece(2), piece(3)]);
    await assert.rejects(openObject('a', mixed, KEY), { name: 'DamagedObject' });
  });

  it('says which key it wants', async () => {
    const sealed = await sealObject('a', Buffer.from('content'), KEY);
    await assert.rejects(openObject('a', sealed, undefined), { name: 'WrongKey', message: new RegExp(KEY.id) });
    await assert.rejects(openObject('a', sealed, backupKey(randomBytes(32))), { name: 'WrongKey' });
  });

  it('never shows what it holds', async () => {
    const content = Buffer.from(randomBytes(1000).toString('hex'));
    const sealed = await sealObject('a', content, KEY);
    assert.equal(sealed.indexOf(content.subarray(0, 16)), -1);
    assert.notDeepEqual(sealed, await sealObject('a', content, KEY));
  });
});

describe('a backup key', () => {
  it('is one, in hexadecimal digits or base64', () => {
    const digits = KEY.octets.toString('hex');
    for (const text of [`${digits}\n`, KEY.octets.toString('base64'), `# of May, of June\n${digits.toUpperCase()} # x`])
      assert.deepEqual(readBackupKey(text), KEY);
    for (const text of ['', 'x'.repeat(64), 'ab'.repeat(31), 'ab'.repeat(33), `${digits}\n${'ab'.repeat(32)}`])
      assert.throws(() => readBackupKey(text), { name: 'KeyTextError' });
  });

  it('hides the hashes of content behind names of its own', () => {
    const hash = randomBytes(32).toString('hex');
    assert.equal(contentName(undefined, hash), hash);
    assert.notEqual(contentName(KEY, hash), hash);
    assert.equal(contentName(KEY, hash), contentName(KEY, hash));
    assert.notEqual(contentName(KEY, hash), contentName(backupKey(randomBytes(32)), hash));
  });
});
