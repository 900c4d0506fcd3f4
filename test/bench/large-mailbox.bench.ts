import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { calculateObjectSize } from 'bson';
import type { Bench, Report } from './bench.ts';
import { costOf, type Cost } from '../support/command-cost.ts';
import { CountingImapClient, type CountedAnswer } from '../support/counting-imap-client.ts';
import { startInProcess, type InProcessServer } from '../support/in-process-server.ts';
import { createMailboxes, fillMailbox, fillWithMail } from '../support/large-account.ts';
import { LmtpClient } from '../support/lmtp-client.ts';

const MESSAGES = Number(process.env['EIDER_BENCH_MESSAGES'] ?? 1_000_000);
/** The most that an account may have are 10,000: with those that every account has, and the parents. */
const MAILBOXES = 9890;
/** Messages with data of their own, for what is read from there. */
const MAIL = 10_240;
const TAIL_RECORDS = 256;
const PASSWORD = 'correct horse';

export const bench: Bench = {
  title: `a mailbox of ${MESSAGES.toLocaleString('en')} messages, an account of ${MAILBOXES.toLocaleString('en')} mailboxes; time, CPU and round trips of the server's process`,
  run: async (report) => {
    const server = await startInProcess();
    try {
      await largeMailbox(server, report);
      await digests(server, report);
      await manyMailboxes(server, report);
      await longTail(server, report);
    } finally {
      await server.close();
    }
  },
};

function isAnswer(result: unknown): result is CountedAnswer {
  return typeof result === 'object' && result !== null && 'octets' in result;
}

/** A measurement as a line; `each` gives the share of one message too. */
function tell(report: Report, what: string, cost: Cost<unknown>, each?: number): void {
  const { elapsedMs, cpuMs, holdMs, commands, octets, result } = cost;
  const share = each === undefined ? '' : `, ${((cpuMs * 1000) / each).toFixed(3)} µs a message`;
  const answer = isAnswer(result) ? `, ${String(result.octets)} octets to the client` : '';
  const trips = `${String(commands.length)} round trips (${String(octets)} octets)`;
  report.line(
    `${what.padEnd(40)} ${elapsedMs.toFixed(0)} ms, CPU ${cpuMs.toFixed(0)} ms${share}, loop held ${holdMs.toFixed(0)} ms, ${trips}${answer}`,
  );
}

async function accountOf(server: InProcessServer, username: string): Promise<Parameters<typeof fillMailbox>[1]> {
  await server.createUser(username, PASSWORD, `${username}@example.com`);
  const user = await server.store.accounts.findByUsername(username);
  if (user === undefined) throw new Error(`no user ${username}`);
  await server.store.mailboxes.setQuota(user.account, 0);
  return user.account;
}

async function largeMailbox(server: InProcessServer, report: Report): Promise<void> {
  const { client } = server.store.database;
  const account = await accountOf(server, 'large');
  const { mailboxes } = server.store;
  tell(
    report,
    'filled by records of 100,000',
    await costOf(client, () => fillMailbox(mailboxes, account, 'INBOX', MESSAGES)),
  );
  tell(report, 'fold', await costOf(client, () => mailboxes.fold(account)));

  const cold = await startInProcess(server.dataDir);
  try {
    await commandsOnLarge(cold, report, account);
  } finally {
    await cold.close();
  }
}

async function commandsOnLarge(
  server: InProcessServer,
  report: Report,
  account: Parameters<typeof fillMailbox>[1],
): Promise<void> {
  const { client } = server.store.database;
  const imap = await CountingImapClient.login(server.imap, 'large', PASSWORD);
  const run = async (what: string, command: string, each?: number): Promise<void> =>
    tell(report, what, await costOf(client, () => imap.ok(command)), each);
  const before = heldBuffers();
  await run('cold SELECT', 'SELECT INBOX');
  const grown = heldBuffers() - before;
  report.line(`${'memory'.padEnd(40)} ${(grown / MESSAGES).toFixed(0)} octets a message in buffers`);
  await run('warm SELECT', 'SELECT INBOX');
  await run('STATUS', 'STATUS INBOX (MESSAGES UNSEEN UIDNEXT)');
  await run('FETCH 1:* (FLAGS)', 'FETCH 1:* (FLAGS)', MESSAGES);
  await run('FETCH 1:* (UID FLAGS INTERNALDATE SIZE)', 'FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)', MESSAGES);
  for (const search of [
    'UNSEEN',
    'LARGER 20000',
    'SINCE 1-Feb-2020',
    'SENTSINCE 1-Feb-2020',
    'KEYWORD $Important',
    'UID 5:900000 FLAGGED',
    'OR SEEN (LARGER 20000 BEFORE 1-Feb-2020)',
  ])
    // prettier-ignore
    await run(`SEARCH ${search}`, `SEARCH RETURN (COUNT) ${search}`, MESSAGES);
  await run('SEARCH UNSEEN, all numbers', 'SEARCH UNSEEN', MESSAGES);
  await run('STORE 1:* +FLAGS.SILENT', 'STORE 1:* +FLAGS.SILENT (\\Flagged)', MESSAGES);
  tell(report, 'fold, every segment changed', await costOf(client, () => server.store.mailboxes.fold(account)));
  await run('STORE of one', 'STORE 5 -FLAGS.SILENT (\\Flagged)');
  tell(report, 'fold, one segment changed', await costOf(client, () => server.store.mailboxes.fold(account)));
  await run('STORE 1:* +FLAGS', 'STORE 1:* +FLAGS (\\Answered)', MESSAGES);
  for (const [command, most] of [
    ['COPY', 100_000],
    ['MOVE', 50_000],
  ] as const) {
    const count = Math.min(most, Math.floor(MESSAGES / 4));
    await run(`${command} of ${String(count)}`, `${command} 1:${String(count)} Sent`, count);
  }
  const half = Math.floor(MESSAGES / 2);
  await run('STORE 1:half \\Deleted', `STORE 1:${String(half)} +FLAGS.SILENT (\\Deleted)`, half);
  await run('EXPUNGE of half', 'EXPUNGE', half);
  tell(report, 'fold after it', await costOf(client, () => server.store.mailboxes.fold(account)));
  imap.close();
}

/** Octets in buffers that something still holds: whatever a read has left behind is collected first. */
function heldBuffers(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().arrayBuffers;
}

async function digests(server: InProcessServer, report: Report): Promise<void> {
  const { client } = server.store.database;
  const account = await accountOf(server, 'mail');
  await fillWithMail(server.store, account, 'INBOX', MAIL);
  const imap = await CountingImapClient.login(server.imap, 'mail', PASSWORD);
  await imap.ok('SELECT INBOX');
  const fetch = 'FETCH 1:* (ENVELOPE BODYSTRUCTURE)';
  tell(report, `${fetch}, no packs`, await costOf(client, () => imap.ok(fetch)), MAIL);
  await server.store.messages.packed();
  for (let round = 0; round < 3; round += 1)
    tell(report, `${fetch}, packed`, await costOf(client, () => imap.ok(fetch)), MAIL);
  tell(report, 'SEARCH SUBJECT', await costOf(client, () => imap.ok('SEARCH SUBJECT "number 77"')), MAIL);
  imap.close();
}

async function manyMailboxes(server: InProcessServer, report: Report): Promise<void> {
  const { client, db } = server.store.database;
  const account = await accountOf(server, 'wide');
  const { mailboxes } = server.store;
  tell(
    report,
    `${String(MAILBOXES)} mailboxes created`,
    await costOf(client, () => createMailboxes(mailboxes, account, MAILBOXES)),
  );
  await mailboxes.fold(account);
  const range = { $gte: keyOf(account, '00'), $lte: keyOf(account, 'ff') };
  const checkpoint = await db.collection<{ _id: Buffer }>('checkpoints').findOne({ _id: range });
  if (checkpoint !== null)
    report.line(`${'its checkpoint'.padEnd(40)} ${String(calculateObjectSize(checkpoint))} octets`);
  const imap = await CountingImapClient.login(server.imap, 'wide', PASSWORD);
  const list = 'LIST "" "*" RETURN (STATUS (MESSAGES UNSEEN UIDNEXT UIDVALIDITY HIGHESTMODSEQ))';
  tell(report, 'LIST with STATUS of all', await costOf(client, () => imap.ok(list)));
  imap.close();
  const cold = await startInProcess(server.dataDir);
  const again = await CountingImapClient.login(cold.imap, 'wide', PASSWORD);
  tell(report, 'LIST with STATUS of all, cold', await costOf(cold.store.database.client, () => again.ok(list)));
  again.close();
  await cold.close();
}

function keyOf(account: string, kind: string): Buffer {
  return Buffer.from(account + kind, 'hex');
}

/** A server that has not seen the account takes a delivery while its journal has a tail. */
async function longTail(server: InProcessServer, report: Report): Promise<void> {
  const account = await accountOf(server, 'tail');
  const { mailboxes } = server.store;
  await mailboxes.fold(account);
  for (let record = 0; record < TAIL_RECORDS - 1; record += 1)
    await mailboxes.setSubscribed(account, `name ${String(record)}`, true);
  const cold = await startInProcess(server.dataDir);
  const lmtp = await LmtpClient.connect(cold.lmtp);
  const letter = Buffer.from('From: ann@example.org\r\nSubject: hello\r\n\r\nText\r\n');
  const deliver = (): Promise<unknown> => lmtp.deliver(letter, ['tail@example.com']);
  tell(report, `LMTP, cold, tail of ${String(TAIL_RECORDS)}`, await costOf(cold.store.database.client, deliver));
  tell(report, 'LMTP, warm', await costOf(cold.store.database.client, deliver));
  await lmtp.quit();
  await cold.close();
}
