import { readFile } from 'node:fs/promises';
import type { Bench, Report } from './bench.ts';
import { ApiClient } from '../support/api-client.ts';
import { ImapClient } from '../support/imap-client.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { makeDataDir, startServer, type ServerProcess } from '../support/server-process.ts';

const PASSWORD = 'correct horse';
const DELIVERIES = 4000;
const CONNECTIONS = 16;
const COMMANDS = 200;

const TEXT = 'A line of text for the letter, as letters have them.\r\n'.repeat(40);
const letter = (number: number): Buffer =>
  Buffer.from(
    `From: Ann <ann@example.org>\r\nTo: bench@example.com\r\nSubject: number ${String(number)}\r\n\r\n${TEXT}`,
  );

interface Figure {
  readonly what: string;
  readonly operations: number;
  /** Milliseconds, each operation. */
  readonly latencies: readonly number[];
  readonly elapsedMs: number;
  /** Of the server process, milliseconds. */
  readonly cpuMs: number;
}

/** Processor time of a process so far, in milliseconds; 0 where the system does not tell. */
async function cpuOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => '');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 10;
}

async function measure(
  server: ServerProcess,
  what: string,
  operations: number,
  lanes: number,
  run: (lane: number, number: number) => Promise<void>,
): Promise<Figure> {
  const latencies: number[] = [];
  let next = 0;
  const cpu = await cpuOf(server.ready.pid);
  const startedAt = performance.now();
  const lane = async (index: number): Promise<void> => {
    while (next < operations) {
      const number = next;
      next += 1;
      const at = performance.now();
      await run(index, number);
      latencies.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, index) => lane(index)));
  const elapsedMs = performance.now() - startedAt;
  latencies.sort((one, other) => one - other);
  return { what, operations, latencies, elapsedMs, cpuMs: (await cpuOf(server.ready.pid)) - cpu };
}

function tell(report: Report, { what, operations, latencies, elapsedMs, cpuMs }: Figure): void {
  const quantile = (share: number): string =>
    `${(latencies[Math.floor(share * (latencies.length - 1))] ?? 0).toFixed(1)} ms`;
  const rate = ((operations / elapsedMs) * 1000).toFixed(0);
  const cpu = ((cpuMs * 1000) / operations).toFixed(0);
  report.line(
    `${what}: ${String(operations)} at ${rate}/s, median ${quantile(0.5)}, p99 ${quantile(0.99)}, ${cpu} µs of the server's processor time each`,
  );
}

export const bench: Bench = {
  title: 'what common commands and deliveries take, against a server process',
  run: async (report) => {
    const data = await makeDataDir();
    try {
      const startedAt = performance.now();
      const server = await startServer(data.path);
      try {
        report.line(`start: ${(performance.now() - startedAt).toFixed(0)} ms`);
        const api = new ApiClient(server.ready.api.url, server.ready.adminToken);
        await api.createUser('bench', PASSWORD, { address: 'bench@example.com' });

        const senders = await Promise.all(
          Array.from({ length: CONNECTIONS }, () => LmtpClient.connect(server.ready.lmtp)),
        );
        tell(
          report,
          await measure(
            server,
            `LMTP deliveries, ${String(CONNECTIONS)} connections`,
            DELIVERIES,
            CONNECTIONS,
            async (lane, number) => {
              const [reply] = (await senders[lane]?.deliver(letter(number), ['bench@example.com'])) ?? [];
              if (reply?.startsWith('250') !== true) throw new Error(`not delivered: ${String(reply)}`);
            },
          ),
        );

        const imap = await ImapClient.login(server.ready.imap, 'bench', PASSWORD);
        const commands: readonly (readonly [string, string, number])[] = [
          ['SELECT', 'SELECT INBOX', COMMANDS],
          ['NOOP', 'NOOP', COMMANDS],
          [`FETCH 1:* (FLAGS) of ${String(DELIVERIES)}`, 'FETCH 1:* (FLAGS)', 20],
          [`FETCH 1:* (ENVELOPE) of ${String(DELIVERIES)}`, 'FETCH 1:* (ENVELOPE)', 10],
          ['FETCH BODY.PEEK[]', 'FETCH 7 (BODY.PEEK[])', COMMANDS],
          [`STORE 1:* of ${String(DELIVERIES)}`, 'STORE 1:* +FLAGS.SILENT (\\Seen)', 1],
          ['STORE of one', 'STORE 9 FLAGS.SILENT (\\Flagged)', 1],
          ['SEARCH UNSEEN', 'SEARCH UNSEEN', COMMANDS],
        ];
        for (const [what, command, times] of commands) {
          tell(
            report,
            await measure(server, what, times, 1, async () => {
              await imap.ok(command);
            }),
          );
        }
        await imap.logout();
        await Promise.all(senders.map((sender) => sender.quit()));
      } finally {
        await server.stop();
      }
    } finally {
      await data.remove();
    }
  },
};
