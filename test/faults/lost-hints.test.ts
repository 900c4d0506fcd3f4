import assert from 'node:assert/strict';
import { it } from 'node:test';
import { messageOctets } from './message-octets.ts';
import { within } from './patience.ts';
import { Checks } from './ledger.ts';
import { convergence, Idler } from './observers.ts';
import { Site } from './site.ts';

it(
  'a node that was frozen while the relay of hints died and mail came looks anew when it is connected again',
  { timeout: 90_000 },
  async () => {
    // Nothing but the new connection can tell it: the next look by itself is minutes away.
    const site = await Site.open({ nodes: 1, settings: ['journal.probe-interval=10m'] });
    try {
      const relay = site.node(0);
      const [writer, frozen] = [await site.start(), await site.start()];
      await site.createUser('hints');
      const checks = new Checks();
      const idler = new Idler(site, checks, 'hints', site.nodes.indexOf(frozen));
      await idler.start();
      assert.equal(idler.node, frozen);
      frozen.freeze();
      await relay.kill();
      const client = await writer.lmtp();
      assert.match((await within(client.deliver(messageOctets('m1-1', 10), ['hints@example.com'])))[0] ?? '', /^250/);
      await client.quit();
      frozen.thaw();
      await convergence(site, checks, 'hints', [idler], 20_000);
      await idler.stop();
      assert.deepEqual(checks.broken, []);
    } finally {
      await site.close();
    }
  },
);
