import type { Bench, Report } from './bench.ts';
import { costOf } from '../support/command-cost.ts';
import { CountingImapClient } from '../support/counting-imap-client.ts';
import { startInProcess, type InProcessServer } from '../support/in-process-server.ts';
import { fillMailbox } from '../support/large-account.ts';

const SIZES = [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000];
/** The least of so many samples is taken: whatever else the machine does only ever adds. */
const ROUNDS = 8;
/** Commands of one sample: the clock of processor time is coarse, and the cheapest take a tenth of its step. */
const REPEATS = 12;
/**
 * Messages of one sample of a command that only reads, whatever the mailbox: of windows that are not of one length, the
 * shorter would more often pass between the pauses of collector and machine.
 */
const READ_MESSAGES = 640_000;
const PASSWORD = 'correct horse';

interface Growing {
  readonly what: string;
  readonly command: (turn: number) => string;
  /** The most that the slope may be, where that is promised. */
  readonly limit?: number;
  /** Changes nothing, so that any number of them makes no fold due. */
  readonly isRead?: true;
}

const GROWING: readonly Growing[] = [
  { what: 'warm SELECT', command: () => 'SELECT INBOX', limit: 0.2 },
  { what: 'STATUS', command: () => 'STATUS INBOX (MESSAGES UNSEEN UIDNEXT)', limit: 0.2 },
  { what: 'STORE of 100', command: (turn) => `STORE 1:100 ${sign(turn)}FLAGS (\\Flagged)`, limit: 0.2 },
  { what: 'STORE of all, silent', command: (turn) => `STORE 1:* ${sign(turn)}FLAGS.SILENT (\\Answered)`, limit: 0.2 },
  // Its answers grow with the mailbox, as those of FETCH do.
  { what: 'STORE of all', command: (turn) => `STORE 1:* ${sign(turn)}FLAGS (\\Answered)`, limit: 1.05 },
  { what: 'FETCH 1:* (FLAGS)', command: () => 'FETCH 1:* (FLAGS)', limit: 1.05, isRead: true },
];

const sign = (turn: number): string => (turn % 2 === 0 ? '+' : '-');

export const bench: Bench = {
  title: `how commands grow from ${String(SIZES[0])} to ${String(SIZES.at(-1))} messages: CPU of the server's thread, least of ${String(ROUNDS)} samples, and the slope in logarithms`,
  run: async (report) => {
    const server = await startInProcess();
    try {
      const costs = await measureAll(server);
      for (const growing of GROWING) tell(report, growing, costs.get(growing.what) ?? []);
    } finally {
      await server.close();
    }
  },
};

/** Sizes in turn within each round, so that compiled code and caches are alike for all. */
async function measureAll(server: InProcessServer): Promise<Map<string, number[]>> {
  const { client } = server.store.database;
  const clients: CountingImapClient[] = [];
  for (const size of SIZES) {
    const username = `user${String(size)}`;
    await server.createUser(username, PASSWORD, `${username}@example.com`);
    const user = await server.store.accounts.findByUsername(username);
    if (user === undefined) throw new Error(`no user ${username}`);
    await server.store.mailboxes.setQuota(user.account, 0);
    await fillMailbox(server.store.mailboxes, user.account, 'INBOX', size);
    await server.fold(username);
    const imap = await CountingImapClient.login(server.imap, username, PASSWORD);
    await imap.ok('SELECT INBOX');
    clients.push(imap);
  }
  const costs = new Map(GROWING.map(({ what }) => [what, SIZES.map(() => Infinity)]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { what, command, isRead } of GROWING) {
      const least = costs.get(what) ?? [];
      for (const [index, size] of SIZES.entries()) {
        const repeats = isRead === true ? READ_MESSAGES / size : REPEATS;
        const { cpuMs } = await costOf(client, async () => {
          for (let turn = 0; turn < repeats; turn += 1) await clients[index]?.ok(command(turn));
        });
        least[index] = Math.min(least[index] ?? Infinity, cpuMs / repeats);
      }
    }
  }
  for (const imap of clients) imap.close();
  return costs;
}

function tell(report: Report, { what, limit }: Growing, costs: readonly number[]): void {
  const slope = slopeOf(SIZES, costs);
  const promise = limit === undefined ? '' : ` (at most ${String(limit)}${slope <= limit ? '' : ': TOO STEEP'})`;
  const figures = costs.map((ms) => ms.toFixed(2)).join(' ');
  report.line(`${what.padEnd(22)} slope ${slope.toFixed(2)}${promise}; ms: ${figures}`);
}

/** Of the line through the logarithms that lies nearest to all of them. */
function slopeOf(sizes: readonly number[], costs: readonly number[]): number {
  const x = sizes.map(Math.log);
  const y = costs.map((cost) => Math.log(Math.max(cost, 1e-6)));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(x), mean(y)];
  let above = 0;
  let below = 0;
  for (const [index, value] of x.entries()) {
    above += (value - meanX) * ((y[index] ?? 0) - meanY);
    below += (value - meanX) ** 2;
  }
  return above / below;
}
