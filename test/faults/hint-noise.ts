import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { socketPathIn } from '../../lib/kernel/socket-path.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { Site } from './site.ts';

const LONGEST_HINT_PATH = 80;
const MIB = 1024 * 1024;

/** Sends what no honest node would: hints of the past, twice, out of order, of the future and of nobody, and junk. */
export async function hintNoise(site: Site, random: SeededRandom, isOver: () => boolean): Promise<number> {
  const account = await site.withStore(async (store) => (await store.accounts.list({ limit: 1 }))[0]?.account ?? '');
  const path = socketPathIn(site.dataDir, 'hints.sock', LONGEST_HINT_PATH);
  let sent = 0;
  while (!isOver()) {
    const peer = connect(path);
    peer.on('error', () => undefined);
    peer.resume();
    const lines = Array.from({ length: 50 }, () => {
      switch (random.below(4)) {
        case 0:
          return `${account} ${String(random.below(300))}\n`;
        case 1:
          return `${account} 999999999999999\n`;
        case 2:
          return `${random.octets(12).toString('hex')} ${String(random.below(1000))}\n`;
        default:
          return `${account} 1\n`.repeat(2);
      }
    });
    peer.write(lines.join(''));
    sent += lines.length;
    if (random.below(3) === 0) peer.write(random.octets(random.below(2) === 0 ? 100 : MIB));
    await sleep(10 + random.below(30));
    peer.destroy();
    if (!peer.closed) await once(peer, 'close');
  }
  return sent;
}
