import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ImapClient } from '../support/imap-client.ts';
import type { LmtpClient } from '../support/lmtp-client.ts';
import { dotStuffed } from '../support/lmtp-client.ts';
import { LineClient } from '../support/line-client.ts';
import { Pop3Client } from '../support/pop3-client.ts';
import { brokenText, tableOf } from './experiment.ts';
import { messageOctets } from './message-octets.ts';
import { within } from './patience.ts';
import { Checks, Ledger } from './ledger.ts';
import { PASSWORD, Site, type SiteNode } from './site.ts';
import { verifyGarbage, verifyMail, verifyProcesses, verifyStore } from './verify.ts';

const CONNECTIONS = 12;
const MESSAGES = 3;
const UNAUTHENTICATED = 8;
const SESSIONS = 5;
const REQUESTS = 3;
const USER = 'crowded';
const ADDRESS = `${USER}@example.com`;

/** Limits that a test reaches; one connection to the database, and a heap that has to hold what they let in. */
const SETTINGS = [
  `lmtp.max-connections=${String(CONNECTIONS)}`,
  `lmtp.max-messages=${String(MESSAGES)}`,
  `imap.max-unauthenticated=${String(UNAUTHENTICATED)}`,
  `imap.max-unauthenticated-per-address=${String(UNAUTHENTICATED)}`,
  `imap.max-connections-per-user=${String(SESSIONS)}`,
  `pop3.max-unauthenticated=${String(UNAUTHENTICATED)}`,
  `pop3.max-unauthenticated-per-address=${String(UNAUTHENTICATED)}`,
  `pop3.max-connections-per-user=${String(SESSIONS)}`,
  `api.max-requests=${String(REQUESTS)}`,
  'database.pool-size=1',
];

/** How often each answer came, by what it is an answer to. */
class Answers {
  readonly #counts = new Map<string, number>();

  add(to: string, answer: string): void {
    const key = `${to}: ${answer}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  text(): string {
    return [...this.#counts].map(([key, count]) => `${String(count)} × ${key}`).join('\n');
  }
}

/** More of everything than the limits allow: put off in words that say so, and all of it is done once tried again. */
export function overload({ senders, messagesPerSender }: { senders: number; messagesPerSender: number }): void {
  describe('a node with more to do than it may', () => {
    it(
      'puts off what is too much, loses nothing that it acknowledged, and works as before',
      { timeout: 600_000 },
      async (t) => {
        const checks = new Checks();
        const answers = new Answers();
        const site = await Site.open({ nodes: 0, settings: SETTINGS });
        try {
          const node = await site.start({ env: { NODE_OPTIONS: '--max-old-space-size=96' } });
          const userId = await site.createUser(USER);
          await fillLmtp(node, checks, answers);
          await fillLogins(node, checks, answers);
          await fillSessions(node, checks, answers);
          await fillApi(node, userId, checks, answers);
          const ledger = new Ledger(checks);
          const load = { node, ledger, answers, messagesPerSender };
          await Promise.all(Array.from({ length: senders }, (_, sender) => send(load, sender)));
          assert.ok(node.isAlive, node.log().slice(-2000));
          await worksAsBefore(node, userId, checks);
          await verifyMail(site, ledger, USER);
          await verifyStore(site, checks);
          await verifyGarbage(site, checks);
          await verifyProcesses([node], checks, new Map());
          checks.that('I14', (await node.server.stop()) === 0, () => node.log().slice(-1000));
          t.diagnostic(`\n${answers.text()}\n${tableOf([{ name: 'overload', seed: 0, checks, counts: '' }])}`);
          assert.equal(checks.broken.length, 0, brokenText(checks));
        } finally {
          await site.close();
        }
      },
    );
  });
}

/** Asks until the answer is the one; what was held when others went is free a moment later. */
async function soon<T>(ask: () => Promise<T>, isWanted: (answer: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    const answer = await within(ask());
    if (isWanted(answer) || tries === 200) return answer;
    await sleep(20);
  }
}

/** Messages under way up to their limit, then connections up to theirs. */
async function fillLmtp(node: SiteNode, checks: Checks, answers: Answers): Promise<void> {
  const held: LmtpClient[] = [];
  try {
    for (let n = 0; n < CONNECTIONS; n += 1) held.push(await within(node.lmtp()));
    for (const client of held.slice(0, MESSAGES)) assert.equal(await client.start([ADDRESS]), 1);
    for (const client of held.slice(MESSAGES)) {
      const answer = await within(client.start([ADDRESS]).catch((error: unknown) => String(error)));
      answers.add('DATA', String(answer).replace(/^Error: /, ''));
      checks.that('I12', /^Error: 452 4\.3\.2 /.test(String(answer)), () => `DATA: ${String(answer)}`);
    }
    const late = await LineClient.connect(node.server.ready.lmtp);
    const greeting = await within(late.line());
    answers.add('LMTP connection', greeting);
    checks.that('I12', greeting.startsWith('421 4.3.2 '), () => `greeting: ${greeting}`);
    late.destroy();
  } finally {
    for (const client of held) client.lines.destroy();
  }
  // Nothing of what was broken off in its middle is there, and there is room again.
  const greeting = await soon(
    async () => {
      const client = await LineClient.connect(node.server.ready.lmtp);
      const line = await client.line();
      client.destroy();
      return line;
    },
    (line) => line.startsWith('220'),
  );
  checks.that('I12', greeting.startsWith('220'), () => `after the overload: ${greeting}`);
}

/** Connections that have not logged in, up to their limit, over both protocols. */
async function fillLogins(node: SiteNode, checks: Checks, answers: Answers): Promise<void> {
  const { imap, pop3 } = node.server.ready;
  for (const [name, at, expected] of [
    ['IMAP connection', imap, /^\* BYE Too many connections/],
    ['POP3 connection', pop3, /^-ERR \[SYS\/TEMP\] Too many connections/],
  ] as const) {
    const held: LineClient[] = [];
    try {
      for (let n = 0; n < UNAUTHENTICATED; n += 1) {
        const client = await LineClient.connect(at);
        held.push(client);
        const greeting = await within(client.line());
        checks.that('I12', /^(\* OK|\+OK)/.test(greeting), () => `${name} ${String(n)}: ${greeting}`);
      }
      const late = await LineClient.connect(at);
      const greeting = await within(late.line());
      answers.add(name, greeting);
      checks.that('I12', expected.test(greeting), () => `${name}: ${greeting}`);
      late.destroy();
    } finally {
      for (const client of held) client.destroy();
    }
  }
}

/** Sessions of one user, up to their limit: the next is told so, and not that its password is wrong. */
async function fillSessions(node: SiteNode, checks: Checks, answers: Answers): Promise<void> {
  const { imap, pop3 } = node.server.ready;
  const held: LineClient[] = [];
  try {
    for (let n = 0; n < SESSIONS; n += 1) {
      held.push(
        (
          (await soon(
            () => logInto(node),
            (client) => typeof client !== 'string',
          )) as ImapClient
        ).lines,
      );
      held.push(
        (
          (await soon(
            () => Pop3Client.login(pop3, USER, PASSWORD).catch(String),
            (client) => typeof client !== 'string',
          )) as Pop3Client
        ).lines,
      );
    }
    const more = await ImapClient.connect(imap);
    const { tagged } = await within(more.command(`LOGIN "${USER}" "${PASSWORD}"`));
    answers.add('LOGIN', tagged);
    checks.that('I12', tagged.startsWith('NO [LIMIT] '), () => `LOGIN: ${tagged}`);
    more.lines.destroy();
    const pop = await Pop3Client.connect(pop3);
    await pop.command(`USER ${USER}`);
    const answer = await within(pop.command(`PASS ${PASSWORD}`));
    answers.add('PASS', answer);
    checks.that('I12', /^-ERR \[(IN-USE|SYS\/TEMP|LOGIN-DELAY)\] /.test(answer), () => `PASS: ${answer}`);
    pop.lines.destroy();
  } finally {
    for (const client of held) client.destroy();
  }
}

const logInto = (node: SiteNode): Promise<ImapClient | string> =>
  node.imap(USER).catch((error: unknown) => String(error));

/** Uploads whose bodies do not end, up to the limit. */
async function fillApi(node: SiteNode, userId: string, checks: Checks, answers: Answers): Promise<void> {
  const { api: at, adminToken } = node.server.ready;
  const inbox = await node.api().mailboxId(userId, 'INBOX');
  const path = `/users/${userId}/mailboxes/${inbox}/messages`;
  const held = Array.from({ length: REQUESTS }, () => {
    const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'message/rfc822' };
    const upload = request(`${at.url}${path}`, { method: 'POST', headers });
    upload.on('error', () => undefined);
    upload.write('Subject: ');
    return upload;
  });
  try {
    const answer = await soon(
      () => node.api().call('GET', `/users/${userId}`),
      ({ status }) => status === 503,
    );
    const wait = Number(answer.headers.get('retry-after'));
    answers.add('GET', `${String(answer.status)}, Retry-After: ${String(wait)}`);
    checks.that('I12', answer.status === 503 && wait >= 1, () => `GET: ${String(answer.status)}`);
    const health = await node.api().call('GET', '/health');
    checks.that('I12', health.status === 200, () => `/health: ${String(health.status)}`);
  } finally {
    for (const upload of held) upload.destroy();
  }
}

interface Load {
  readonly node: SiteNode;
  readonly ledger: Ledger;
  readonly answers: Answers;
  readonly messagesPerSender: number;
}

/** An MTA of its own: tries each message again until it is taken; every other one goes over a connection of its own. */
async function send({ node, ledger, answers, messagesPerSender }: Load, sender: number): Promise<void> {
  let client: LmtpClient | undefined;
  for (let n = 0; n < messagesPerSender; n += 1) {
    const id = `m${String(sender)}-${String(n)}`;
    const octets = messageOctets(id, n % 3 === 0 ? 600_000 : 2000);
    const message = ledger.track(id, octets, true);
    for (let tries = 0; message.copies.length === 0 && tries < 2000; tries += 1) {
      let isSent = false;
      let reply: string;
      try {
        client ??= await within(node.lmtp());
        await client.command('RSET');
        await within(client.start([ADDRESS, `nobody@example.com`, ADDRESS]));
        isSent = true;
        await within(client.lines.write(dotStuffed(octets)));
        reply = await within(client.reply());
        const second = await within(client.reply());
        ledger.checks.that('I13', second === reply, () => `one address twice: ${reply} and ${second}`);
        const noop = await within(client.command('NOOP'));
        ledger.checks.that('I13', noop.startsWith('250 2.0.0'), () => `a reply too many: ${noop}`);
      } catch (error) {
        reply = String(error).replace(/^Error: /, '');
        if (isSent || !reply.startsWith('452')) {
          client?.lines.destroy();
          client = undefined;
        }
      }
      answers.add('delivery', reply.replace(/, id .*/, ''));
      ledger.checks.that('I12', /^(250|421|45[12]) |ECONN|EPIPE|closed the connection/.test(reply), () => reply);
      const outcome = reply.startsWith('250') ? 'acknowledged' : isSent && !/^4/.test(reply) ? 'unknown' : 'refused';
      const after = new Map([[message, [{ mailbox: 'INBOX', flags: '' }]]]);
      ledger.enter({ lane: sender, what: id, outcome, reply }, after);
      if (outcome !== 'acknowledged') await sleep(5 + ((sender * 7 + tries) % 20));
    }
    ledger.checks.that('I2', message.copies.length === 1, () => `${id} was never taken`);
    if (n % 2 === 1) {
      await client?.quit();
      client = undefined;
    }
  }
  await client?.quit();
}

/** Every way in, once. */
async function worksAsBefore(node: SiteNode, userId: string, checks: Checks): Promise<void> {
  const client = await soon(
    () => logInto(node),
    (answer) => typeof answer !== 'string',
  );
  checks.that('I12', typeof client !== 'string', () => `IMAP: ${typeof client === 'string' ? client : ''}`);
  if (typeof client !== 'string') await client.logout();
  const pop = await within(Pop3Client.login(node.server.ready.pop3, USER, PASSWORD));
  checks.that('I12', (await pop.command('STAT')).startsWith('+OK'), () => 'POP3');
  await pop.quit();
  const { status } = await soon(
    () => node.api().call('GET', `/users/${userId}`),
    (answer) => answer.status === 200,
  );
  checks.that('I12', status === 200, () => `API: ${String(status)}`);
}
