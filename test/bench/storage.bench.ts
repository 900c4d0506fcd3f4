import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { ApiClient } from '../support/api-client.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { MixedMail } from '../support/mixed-mail.ts';
import { withServerDatabase } from '../support/server-database.ts';
import { makeDataDir, startServer } from '../support/server-process.ts';

const ACCOUNTS = 20;
const MESSAGES = 2000;
const MIB = 1024 * 1024;

/** Octets of the documents of each collection, as the database holds them, and how many there are. */
async function documentOctets(dataDir: string): Promise<Map<string, { documents: number; octets: number }>> {
  return withServerDatabase(dataDir, async ({ db }) => {
    const sums = new Map<string, { documents: number; octets: number }>();
    for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray()) {
      const sum = { documents: 0, octets: 0 };
      for await (const document of db.collection(name).find({}, { raw: true })) {
        sum.documents += 1;
        sum.octets += (document as unknown as Buffer).length;
      }
      sums.set(name, sum);
    }
    return sums;
  });
}

/** Octets on disk of each of the database's files, once nobody has it open any more: its log is merged then. */
async function fileOctets(dataDir: string): Promise<Map<string, number>> {
  for (let looks = 0; looks < 200; looks += 1) {
    const files = await readdir(dataDir);
    if (!files.some((name) => name.endsWith('-shm'))) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const octets = new Map<string, number>();
  for (const name of await readdir(dataDir)) {
    const file = await stat(join(dataDir, name));
    if (file.isFile() && name.startsWith('engine') && file.size > 0) octets.set(name, file.blocks * 512);
  }
  return octets;
}

export const bench: Bench = {
  title: 'octets on disk for octets received, on mail in ordinary proportions',
  run: async (report) => {
    const data = await makeDataDir();
    const received = new Map<string, { messages: number; octets: number }>();
    try {
      const server = await startServer(data.path);
      try {
        const api = new ApiClient(server.ready.api.url, server.ready.adminToken);
        for (let user = 0; user < ACCOUNTS; user += 1)
          await api.createUser(`mixed${String(user)}`, 'correct horse', {
            address: `mixed${String(user)}@example.com`,
            quota: 0,
          });
        const mail = new MixedMail('storage');
        const lmtp = await LmtpClient.connect(server.ready.lmtp);
        for (let number = 0; number < MESSAGES; number += 1) {
          const { kind, octets } = mail.next();
          const [reply] = await lmtp.deliver(octets, [`mixed${String(number % ACCOUNTS)}@example.com`]);
          if (reply?.startsWith('250') !== true) throw new Error(`not delivered: ${String(reply)}`);
          const sum = received.get(kind) ?? { messages: 0, octets: 0 };
          received.set(kind, { messages: sum.messages + 1, octets: sum.octets + octets.length });
        }
        await lmtp.quit();
        const sums = await documentOctets(data.path);
        await server.stop();
        const total = [...received.values()].reduce((sum, { octets }) => sum + octets, 0);
        for (const [kind, { messages, octets }] of received)
          report.line(`received, ${kind}: ${String(messages)} messages, ${(octets / MIB).toFixed(1)} MiB`);
        for (const [name, { documents, octets }] of [...sums].sort(([, one], [, other]) => other.octets - one.octets)) {
          if (octets * 2000 < total) continue;
          report.line(
            `kept, ${name}: ${String(documents)} documents, ${(octets / MIB).toFixed(2)} MiB, ` +
              `${(octets / MESSAGES).toFixed(0)} octets a message received`,
          );
        }
        const files = await fileOctets(data.path);
        const disk = [...files.values()].reduce((sum, octets) => sum + octets, 0);
        for (const [name, octets] of files) report.line(`on disk, ${name}: ${(octets / MIB).toFixed(1)} MiB`);
        const kept = [...sums.values()].reduce((sum, { octets }) => sum + octets, 0);
        report.line(
          `on disk: ${(disk / MIB).toFixed(1)} MiB (documents ${(kept / MIB).toFixed(1)}) for ${(total / MIB).toFixed(1)} MiB ` +
            `received: ${(disk / total).toFixed(3)}`,
        );
      } finally {
        await server.killGroup();
      }
    } finally {
      await data.remove();
    }
  },
};
