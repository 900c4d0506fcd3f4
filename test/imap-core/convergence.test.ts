import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SystemFlag } from '../../imap-core/protocol/flags.ts';
import { type ImapTestServer, startImapTestServer } from '../support/imap-test-server.ts';
import { LineClient } from '../support/line-client.ts';

/** Reproducible numbers below a bound. */
function createRandom(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state * 48271) % 0x7fffffff;
    return state % bound;
  };
}

interface Known {
  uid: number | undefined;
  flags: string | undefined;
}

/** A client that believes what it is told and nothing else (RFC 3501 section 7.4). */
class ModelClient {
  readonly #client: LineClient;
  readonly messages: Known[] = [];
  #tags = 0;

  private constructor(client: LineClient) {
    this.#client = client;
  }

  static async open(server: ImapTestServer): Promise<ModelClient> {
    const model = new ModelClient(await LineClient.connect({ host: '127.0.0.1', port: server.port }));
    await model.#client.line();
    await model.command('LOGIN alice secret');
    await model.command('SELECT INBOX');
    await model.command('FETCH 1:* (UID FLAGS)');
    return model;
  }

  async command(text: string): Promise<string> {
    this.#tags += 1;
    const tag = `t${this.#tags}`;
    await this.#client.write(`${tag} ${text}\r\n`);
    for (;;) {
      const line = await this.#client.line();
      if (line.startsWith(`${tag} `)) return line;
      this.#hear(line, text);
    }
  }

  destroy(): void {
    this.#client.destroy();
  }

  #hear(line: string, command: string): void {
    const [, number = '', word = ''] = /^\* (\d+) (EXISTS|EXPUNGE|FETCH)/.exec(line) ?? [];
    const index = Number(number) - 1;
    if (word === 'EXISTS') {
      assert.ok(Number(number) >= this.messages.length, 'EXISTS never shrinks');
      while (this.messages.length < Number(number)) this.messages.push({ uid: undefined, flags: undefined });
    } else if (word === 'EXPUNGE') {
      assert.doesNotMatch(command, /^(FETCH|STORE|SEARCH)/, 'EXPUNGE in answer to what uses numbers');
      assert.ok(index < this.messages.length);
      this.messages.splice(index, 1);
    } else if (word === 'FETCH') {
      const message = this.messages[index];
      assert.ok(message !== undefined, `FETCH of a message that was not told: ${line}`);
      const uid = /UID (\d+)/.exec(line)?.[1];
      if (uid !== undefined) {
        assert.ok(message.uid === undefined || message.uid === Number(uid), 'a number changed its UID unannounced');
        message.uid = Number(uid);
      }
      message.flags =
        /FLAGS \(([^)]*)\)/
          .exec(line)?.[1]
          ?.replace(/ ?\\Recent/, '')
          .trim() ?? message.flags;
    }
  }
}

const FLAGS = ['\\Seen', '\\Deleted', '\\Flagged', 'work'];

function randomCommand(random: (bound: number) => number, client: ModelClient, maySilence: boolean): string {
  const count = client.messages.length;
  const prefix = random(2) === 0 ? 'UID ' : '';
  const sequence = count === 0 ? '1:*' : `${1 + random(count)}:${1 + random(count)}`;
  const set = prefix === '' ? sequence : `${1 + random(60)}:${1 + random(60)}`;
  switch (random(9)) {
    case 0:
      return `APPEND INBOX (${FLAGS[random(4)]}) {3+}\r\na: `;
    case 1:
    case 2:
      return `${prefix}STORE ${set} ${['', '+', '-'][random(3)]}FLAGS${maySilence && random(2) === 0 ? '.SILENT' : ''} (${FLAGS[random(4)]})`;
    case 3:
      return random(2) === 0 ? 'EXPUNGE' : `UID EXPUNGE ${set}`;
    case 4:
      return `${prefix}COPY ${set} INBOX`;
    case 5:
      return `${prefix}MOVE ${set} ${random(3) === 0 ? 'INBOX' : 'Other'}`;
    case 6:
      return `${prefix}FETCH ${set} (UID FLAGS)`;
    case 7:
      return `${prefix}SEARCH ALL`;
    default:
      return 'NOOP';
  }
}

describe('sessions of one mailbox', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    it(`converge whatever they do, seed ${seed}`, async () => {
      const server = await startImapTestServer();
      server.alice.create('Other');
      const random = createRandom(seed * 7919);
      // Who asks for silence knows better than this client what flags there are.
      const maySilence = seed % 2 === 0;
      const clients = await Promise.all([ModelClient.open(server), ModelClient.open(server), ModelClient.open(server)]);
      for (let step = 0; step < 150; step += 1) {
        const client = clients[random(3)];
        assert.ok(client !== undefined);
        // Some of the time two sessions are at it together.
        const other = clients[random(3)];
        const commands = [client.command(randomCommand(random, client, maySilence))];
        if (other !== undefined && other !== client)
          commands.push(other.command(randomCommand(random, other, maySilence)));
        for (const answer of await Promise.all(commands)) assert.doesNotMatch(answer, /SERVERBUG/);
      }
      const truth = await ModelClient.open(server);
      const sorted = (flags = ''): string => flags.split(' ').sort().join(' ');
      const spell = ({ uid, flags }: Known): string => `${uid} ${sorted(flags)}`;
      for (const client of clients) {
        await client.command('NOOP');
        assert.equal(client.messages.length, truth.messages.length);
        client.messages.forEach((believed, index) => {
          const actual = truth.messages[index];
          // What a new message is has to be asked for.
          if (believed.uid !== undefined) assert.equal(believed.uid, actual?.uid);
          if (believed.flags !== undefined && !maySilence) assert.equal(sorted(believed.flags), sorted(actual?.flags));
        });
        await client.command('FETCH 1:* (UID FLAGS)');
        assert.deepEqual(client.messages.map(spell), truth.messages.map(spell));
        client.destroy();
      }
      truth.destroy();
      await server.close();
      assert.deepEqual(server.complaints, []);
    });
  }

  it('are told what another one changed while a silent STORE was under way', async (t) => {
    const server = await startImapTestServer();
    t.after(() => server.close());
    const mailbox = server.alice.existing('INBOX');
    const row = { messageId: 'm', flags: { system: 0, keywords: [] }, size: 1, sentDate: undefined };
    mailbox.append([1, 2].map(() => ({ ...row, internalDate: { at: 0, zoneMinutes: 0 } })));
    const client = await ModelClient.open(server);
    t.after(() => client.destroy());
    const asked = mailbox.storeFlags.bind(mailbox);
    mailbox.storeFlags = (...store) => {
      const result = asked(...store);
      asked([{ from: 2, to: 2 }], { mode: 'add', flags: { system: SystemFlag.flagged, keywords: [] } }, Infinity);
      mailbox.storeFlags = asked;
      return result;
    };
    await client.command('STORE 1:2 +FLAGS.SILENT (\\Seen)');
    await client.command('NOOP');
    // Of the first it is believed what the client itself has done.
    assert.deepEqual(
      client.messages.map(({ flags }) => flags),
      ['', '\\Flagged \\Seen'],
    );
    assert.equal(mailbox.columns().systemFlags(0), SystemFlag.seen);
  });
});
