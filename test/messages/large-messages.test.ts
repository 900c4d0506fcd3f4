import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../setup/node-flags.mjs';
import { borrowEngine } from '../support/embedded-engine.ts';
import { largeMessage } from './large-message.ts';

const CHILD = fileURLToPath(new URL('./large-message-child.ts', import.meta.url));
const OCTETS = 60_000_000;
/** Well below what the message itself would take. */
const MAX_GROWTH = 48 * 1024 * 1024;

describe('large messages', () => {
  let directory: string;
  let engine: Awaited<ReturnType<typeof borrowEngine>> | undefined;
  before(async () => {
    if (process.env['EIDER_TEST_MONGODB'] === undefined) engine = await borrowEngine();
    directory = await mkdtemp(join(tmpdir(), 'eider-large-'));
  });
  after(async () => {
    await rm(directory, { recursive: true });
    await engine?.release();
  });

  for (const kind of ['attachments', 'header'] as const) {
    it(`of 60 MB pass in little memory: ${kind}`, { timeout: 120_000 }, async () => {
      const path = join(directory, kind);
      await pipeline(Readable.from(largeMessage(kind, OCTETS)), createWriteStream(path));
      const { stdout } = await promisify(execFile)(process.execPath, [...NODE_FLAGS, CHILD, path, engine?.uri ?? ''], {
        env: { ...NODE_ENVIRONMENT, ...process.env },
      });
      const { size, grown, held } = JSON.parse(stdout) as { size: number; grown: number; held: number };
      assert.ok(size > OCTETS * 0.95, `${size} octets`);
      assert.ok(grown < MAX_GROWTH, `the peak of memory rose by ${Math.round(grown / 1024)} KiB`);
      assert.ok(held < 200, `the event loop was held for ${held} ms`);
    });
  }
});
