import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createSocketHints } from '../../lib/journal/hint-socket.ts';
import type { Hints } from '../../lib/journal/index.ts';
import { newAccountId, type AccountId } from '../../lib/kernel/ids.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';

let folder: string;
const opened: Hints[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'eider-hints-'));
});

after(async () => {
  await Promise.all(opened.map((hints) => hints.close()));
  await rm(folder, { recursive: true });
});

async function joined(name: string): Promise<Hints> {
  const hints = await createSocketHints({ path: join(folder, name), logger: silentLogger, checkMs: 20 });
  opened.push(hints);
  return hints;
}

/** The next hint for the account. */
function next(hints: Hints, account: AccountId): Promise<number> {
  return new Promise((resolve) => {
    const end = hints.subscribe(account, (q) => {
      end();
      resolve(q);
    });
  });
}

function reset(hints: Hints): Promise<void> {
  return new Promise((resolve) => {
    const end = hints.onReset(() => {
      end();
      resolve();
    });
  });
}

describe('hints through a socket', () => {
  it('reach every process, the publisher itself too', async () => {
    const [relay, one, two] = [await joined('a'), await joined('a'), await joined('a')];
    const account = newAccountId();
    for (const publisher of [relay, one, two]) {
      const heard = Promise.all([relay, one, two].map((hints) => next(hints, account)));
      publisher.publish(account, 7);
      assert.deepEqual(await heard, [7, 7, 7]);
    }
  });

  it('another takes the place of a relay that goes; listeners are told that hints may be missing', async () => {
    const [relay, one, two] = [await joined('b'), await joined('b'), await joined('b')];
    const account = newAccountId();
    const resets = Promise.all([reset(one), reset(two)]);
    await relay.close();
    await resets;
    const heard = next(two, account);
    one.publish(account, 9);
    assert.equal(await heard, 9);
  });

  it('a socket left over by a crash is taken over', async () => {
    await writeFile(join(folder, 'c'), '');
    const one = await joined('c');
    const two = await joined('c');
    const account = newAccountId();
    const heard = next(one, account);
    two.publish(account, 1);
    assert.equal(await heard, 1);
  });

  it('a relay whose path was taken steps back and follows the other', async () => {
    const first = await joined('d');
    await rm(join(folder, 'd'));
    const stepped = reset(first);
    const second = await joined('d');
    await stepped;
    const account = newAccountId();
    const heard = next(second, account);
    first.publish(account, 3);
    assert.equal(await heard, 3);
  });

  it('junk ends the connection that sends it and nothing else', async () => {
    const [relay, one] = [await joined('e'), await joined('e')];
    const account = newAccountId();
    const junk = [
      'x'.repeat(1024 * 1024),
      `${account} -1\n`,
      `${account} 99999999999999999999\n`,
      'GET / HTTP/1.1\r\n\r\n',
      `\0\n${account}`,
    ];
    for (const text of junk) {
      const socket = connect(join(folder, 'e'));
      socket.on('error', () => undefined);
      socket.write(text);
      socket.resume();
      await new Promise((resolve) => socket.once('close', resolve));
    }
    const heard = next(relay, account);
    one.publish(account, 4);
    assert.equal(await heard, 4);
  });

  it('lines may come in any pieces', async () => {
    const relay = await joined('f');
    const account = newAccountId();
    const heard: number[] = [];
    const done = new Promise<void>((resolve) => {
      relay.subscribe(account, (q) => {
        heard.push(q);
        if (heard.length === 3) resolve();
      });
    });
    const socket = connect(join(folder, 'f'));
    socket.setNoDelay(true);
    const text = `${account} 1\n${account} 2\n${account} 3\n`;
    for (const octet of text) socket.write(octet);
    await done;
    assert.deepEqual(heard, [1, 2, 3]);
    socket.destroy();
  });

  it('nothing is left in the folder when all are gone', async () => {
    await Promise.all(opened.map((hints) => hints.close()));
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith('.h')),
      [],
    );
    assert.deepEqual(await readdir(folder), []);
  });

  it('a path too long for a socket is refused at the start', async () => {
    await assert.rejects(createSocketHints({ path: join(folder, 'x'.repeat(100)), logger: silentLogger }), RangeError);
  });
});
