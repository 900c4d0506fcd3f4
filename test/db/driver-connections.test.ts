import assert from 'node:assert/strict';
import { createServer, connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { openDatabase } from '../../lib/db/index.ts';
import { borrowEngine, temporaryDirectory } from '../support/embedded-engine.ts';

it(
  'a write that waits for its connection to drain ends when the connection is closed',
  { timeout: 20_000 },
  async () => {
    const engine = await borrowEngine();
    const directory = await temporaryDirectory('drain');
    const path = join(directory, 'proxy.sock');
    const clients: Socket[] = [];
    const engineSocket = decodeURIComponent(new URL(engine.uri).host);
    const proxy = createServer((client) => {
      const behind = connect(engineSocket);
      client.pipe(behind).pipe(client);
      for (const socket of [client, behind]) socket.on('error', () => undefined);
      clients.push(client, behind);
    });
    proxy.listen(path);
    await once(proxy, 'listening');
    try {
      const uri = engine.uri.replace(encodeURIComponent(engineSocket), encodeURIComponent(path));
      const { client, db } = await openDatabase({ uri, name: 'drain' });
      await db.command({ ping: 1 });
      // Nobody reads any more: the kernel's buffer fills and the driver waits.
      for (const socket of clients) socket.pause().unpipe();
      const written = db.collection('large').insertOne({ octets: Buffer.alloc(8 * 1024 * 1024) });
      const ended = assert.rejects(written);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await client.close();
      await ended;
    } finally {
      for (const socket of clients) socket.destroy();
      proxy.close();
      await rm(directory, { recursive: true, force: true });
      await engine.release();
    }
  },
);
