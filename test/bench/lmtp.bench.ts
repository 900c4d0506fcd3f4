import { readFile } from 'node:fs/promises';
import type { Bench } from './bench.ts';
import { ApiClient } from '../support/api-client.ts';
import { startDovecot } from '../support/dovecot.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { processTree } from '../support/process-tree.ts';
import { makeDataDir, startServer } from '../support/server-process.ts';

const CONNECTIONS = 16;
const RECIPIENTS = 20;
/** Each side in turn, so that what else the machine does falls on both. */
const TURNS = 3;
const TICKS_A_SECOND = 100;

interface Side {
  readonly name: string;
  readonly pid: number;
  readonly lmtp: { readonly host: string; readonly port: number };
}

interface Load {
  readonly what: string;
  readonly messages: number;
  /** Before anything is measured: a server that has run for a while, its code compiled for good. */
  readonly warmUp: number;
  readonly recipients: readonly string[];
}

interface Tally {
  deliveries: number;
  elapsedMs: number;
  cpuMs: number;
}

/** Processor time of all processes of a tree and of those of their children that have ended, in milliseconds. */
async function cpuOf(root: number): Promise<number> {
  let ticks = 0;
  for (const pid of await processTree(root)) {
    const stat = await readFile(`/proc/${String(pid)}/stat`, 'latin1').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    for (const field of [11, 12, 13, 14]) ticks += Number(fields[field] ?? 0);
  }
  return (ticks * 1000) / TICKS_A_SECOND;
}

let serial = 0;
function smallMessage(): Buffer {
  serial += 1;
  const text = 'A line of text for the letter, as letters have them.\r\n'.repeat(30);
  const header =
    'From: Ann <ann@example.org>\r\nTo: Bob <bob@example.com>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0100\r\n' +
    `Subject: number ${String(serial)}\r\nMessage-ID: <${String(serial)}@example.org>\r\nMIME-Version: 1.0\r\n` +
    'Content-Type: text/plain; charset=utf-8\r\n\r\n';
  return Buffer.from(header + text);
}

async function turn(side: Side, load: Load, tally: Tally): Promise<void> {
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => LmtpClient.connect(side.lmtp)));
  let left = load.messages;
  const lane = async (client: LmtpClient): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const replies = await client.deliver(smallMessage(), load.recipients);
      const accepted = replies.filter((reply) => reply.startsWith('250')).length;
      if (accepted !== load.recipients.length) throw new Error(`${side.name}: ${replies.join(', ')}`);
      tally.deliveries += accepted;
    }
  };
  const cpu = await cpuOf(side.pid);
  const startedAt = performance.now();
  await Promise.all(clients.map(lane));
  tally.elapsedMs += performance.now() - startedAt;
  tally.cpuMs += (await cpuOf(side.pid)) - cpu;
  await Promise.all(clients.map((client) => client.quit()));
}

const perSecond = ({ deliveries, elapsedMs }: Tally): number => (deliveries / elapsedMs) * 1000;
const cpuEach = ({ deliveries, cpuMs }: Tally): number => (cpuMs * 1000) / deliveries;

export const bench: Bench = {
  title: 'small messages by LMTP over 16 kept connections, in turns with Dovecot (sdbox, fsync on for both)',
  run: async (report) => {
    const data = await makeDataDir();
    const eider = await startServer(data.path);
    const dovecot = await startDovecot();
    if (dovecot === undefined)
      report.line('skipped: Dovecot (Debian: dovecot-core dovecot-lmtpd, and to be root for its changes of user)');
    else report.line(`Dovecot ${dovecot.version}`);
    try {
      const api = new ApiClient(eider.ready.api.url, eider.ready.adminToken);
      const users = Array.from({ length: RECIPIENTS }, (_, index) => `bench${String(index)}`);
      const addresses = users.map((user) => `${user}@example.com`);
      for (const user of users)
        await api.createUser(user, 'correct horse', { address: `${user}@example.com`, quota: 0 });
      const sides: Side[] = [{ name: 'Eider', pid: eider.ready.pid, lmtp: eider.ready.lmtp }];
      if (dovecot !== undefined) sides.push({ name: 'Dovecot', pid: dovecot.pid, lmtp: dovecot.lmtp });
      const loads: readonly Load[] = [
        { what: 'one recipient', messages: 1500, warmUp: 8000, recipients: addresses.slice(0, 1) },
        { what: 'twenty recipients', messages: 100, warmUp: 400, recipients: addresses },
      ];
      for (const load of loads) {
        for (const side of sides) await turn(side, { ...load, messages: load.warmUp }, emptyTally());
        const tallies = sides.map(() => emptyTally());
        for (let round = 0; round < TURNS; round += 1)
          for (const [index, side] of sides.entries()) await turn(side, load, tallies[index] ?? emptyTally());
        for (const [index, side] of sides.entries()) {
          const tally = tallies[index] ?? emptyTally();
          report.line(
            `${load.what}, ${side.name}: ${perSecond(tally).toFixed(0)} deliveries a second, ` +
              `${cpuEach(tally).toFixed(0)} µs of processor time each (all its processes)`,
          );
        }
        const [ours, theirs] = tallies;
        if (ours !== undefined && theirs !== undefined)
          report.line(
            `${load.what}: ${(cpuEach(ours) / cpuEach(theirs)).toFixed(2)} of Dovecot's processor time, ` +
              `${(perSecond(ours) / perSecond(theirs)).toFixed(2)} times its rate`,
          );
      }
    } finally {
      await dovecot?.stop();
      await eider.stop();
      await data.remove();
    }
  },
};

function emptyTally(): Tally {
  return { deliveries: 0, elapsedMs: 0, cpuMs: 0 };
}
