import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { createBackup, createDirectoryTarget, openBackupSet, restoreStore } from '../../lib/backup/index.ts';
import { openStoreOn, type TestStore } from '../backup/test-store.ts';
import { openDatabase } from '../../lib/db/index.ts';
import { attachEmbedded } from '../../lib/embedded/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { seededRandom } from '../faults/seeded-random.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { makeDataDir } from '../support/server-process.ts';

const MESSAGES = Number(process.env['EIDER_BENCH_MESSAGES'] ?? 3000);
const FILE_OCTETS = 60_000;

/** Runs on a store with an engine process of its own, as a command would. */
async function withEngine<T>(run: (store: TestStore) => Promise<T>): Promise<T> {
  const data = await makeDataDir();
  try {
    const engine = await attachEmbedded({ dataDir: data.path, logger: silentLogger });
    try {
      const store = await openStoreOn(await openDatabase({ uri: engine.uri }));
      return await run(store).finally(() => store.close());
    } finally {
      await engine.close();
    }
  } finally {
    await data.remove();
  }
}

/** Each message with a file of its own, the case in which most is to be written. */
async function fill(store: TestStore): Promise<void> {
  const random = seededRandom(1);
  await store.addUser('anna');
  const block = random.octets(FILE_OCTETS);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < MESSAGES) {
      const number = (next += 1);
      block.writeUInt32BE(number, 0);
      const encoded = block.toString('base64').replace(/.{76}/g, '$&\r\n');
      const head = `Subject: ${String(number)}\r\nMIME-Version: 1.0\r\nContent-Type: image/jpeg\r\n`;
      await store.append(
        'anna',
        'INBOX',
        Buffer.from(`${head}Content-Transfer-Encoding: base64\r\n\r\n${encoded}\r\n`),
      );
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
}

export const bench: Bench = {
  title: `a backup and a restore of ${String(MESSAGES)} messages, each with an attachment of its own`,
  run: async (report) => {
    const folder = await temporaryDirectory('bench');
    try {
      const set = await openBackupSet(createDirectoryTarget(join(folder, 'set')), undefined, { makes: true });
      const begun = performance.now();
      const manifest = await withEngine(async (store) => {
        await fill(store);
        report.line(`filled in ${((performance.now() - begun) / MESSAGES).toFixed(2)} ms a message`);
        const from = performance.now();
        const made = await createBackup(store, set);
        report.line(`backup: ${((performance.now() - from) / MESSAGES).toFixed(2)} ms a message`);
        return made;
      });
      await withEngine(async (store) => {
        const from = performance.now();
        const cpu = process.cpuUsage();
        const { messages } = await restoreStore(store, set, manifest, {});
        const { user, system } = process.cpuUsage(cpu);
        if (messages !== MESSAGES) throw new Error(`${String(messages)} messages were restored`);
        report.line(
          `restore: ${((performance.now() - from) / messages).toFixed(2)} ms a message, ` +
            `${((user + system) / 1000 / messages).toFixed(2)} ms of CPU in this process`,
        );
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
