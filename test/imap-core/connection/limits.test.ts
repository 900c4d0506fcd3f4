import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_IMAP_LIMITS, type ImapLimits } from '../../../imap-core/connection/limits.ts';
import { type ImapTestServer, startImapTestServer } from '../../support/imap-test-server.ts';
import { LineClient } from '../../support/line-client.ts';

async function withServer(limits: Partial<ImapLimits>, use: (server: ImapTestServer) => Promise<void>): Promise<void> {
  const server = await startImapTestServer({ limits });
  try {
    await use(server);
  } finally {
    await server.close();
  }
  assert.deepEqual(server.complaints, []);
}

async function connect({ port }: ImapTestServer): Promise<LineClient> {
  const client = await LineClient.connect({ host: '127.0.0.1', port });
  assert.match(await client.line(), /^\* OK /);
  return client;
}

async function logIn(server: ImapTestServer): Promise<LineClient> {
  const client = await connect(server);
  await client.write('login LOGIN alice secret\r\n');
  assert.match(await client.line(), /^login OK /);
  return client;
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) {
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

/** Lines up to the tagged one, or to the end of the connection. */
async function answer(client: LineClient, tag: string): Promise<string> {
  for (;;) {
    const line = await client.line();
    if (line.startsWith(`${tag} `) || line.startsWith('* BYE') || line.startsWith('+')) return line;
  }
}

it('the limits are those that are promised', () => {
  assert.deepEqual(DEFAULT_IMAP_LIMITS, {
    lineOctetsBeforeLogin: 8192,
    lineOctets: 65_536,
    commandOctetsBeforeLogin: 8192,
    literalsBeforeLogin: 4,
    literals: 64,
    literalOctets: 1_048_576,
    badCommandsBeforeLogin: 5,
    badCommands: 20,
    unauthenticatedPerAddress: 10,
    unauthenticated: 1000,
    outputPauseOctets: 8_388_608,
    outputCloseOctets: 33_554_432,
    outputStreamOctets: 524_288,
    loginMs: 30_000,
    idleMs: 1_800_000,
    stallMs: 300_000,
    searchMs: 10_000,
  });
});

describe('limits of a command', () => {
  it('lines: 8 KiB before log-in, 64 KiB after', async () => {
    await withServer({}, async (server) => {
      for (const [client, limit] of [
        [await connect(server), 8192],
        [await logIn(server), 65_536],
      ] as const) {
        for (const [octets, expected] of [
          [limit - 1, /^a BAD Unexpected arguments/],
          [limit, /^a BAD Unexpected arguments/],
          [limit + 1, /^a BAD Line too long/],
        ] as const) {
          await client.write(`a NOOP ${'x'.repeat(octets - 7)}\r\n`);
          assert.match(await answer(client, 'a'), expected);
        }
        await client.write('b NOOP\r\n');
        assert.equal(await answer(client, 'b'), 'b OK Completed');
        client.destroy();
      }
    });
  });

  it('a line that has no end, or no tag: BYE', async () => {
    await withServer({}, async (server) => {
      for (const start of ['a NOOP ', 'x']) {
        const client = await connect(server);
        const octets = start === 'x' ? 20_000 : 1_200_000;
        await client.write(start + 'x'.repeat(octets));
        assert.match((await client.rest()).toString(), /^\* BYE Line too long\r\n$/);
        client.destroy();
      }
    });
  });

  it('before log-in: 8 KiB with literals, four literals, no APPEND', async () => {
    await withServer({}, async (server) => {
      // The lines of the command have 18 octets.
      for (const [octets, expected] of [
        [8192 - 18 - 1, /^a BAD Name or password too long/],
        [8192 - 18, /^a BAD Name or password too long/],
        [8192 - 18 + 1, /^\* BYE Command too long/],
      ] as const) {
        const client = await connect(server);
        assert.equal(`a LOGIN alic {${octets}}`.length, 19);
        await client.write(`a LOGIN ali {${octets}}\r\n`);
        let line = await client.line();
        if (line.startsWith('+')) {
          await client.write(`${'x'.repeat(octets)}\r\n`);
          line = await client.line();
        }
        assert.match(line, expected, String(octets));
        client.destroy();
      }
      for (const [count, expected] of [
        [3, /^a BAD/],
        [4, /^a BAD/],
        [5, /^\* BYE/],
      ] as const) {
        const client = await connect(server);
        await client.write(`a LOGIN${' {1+}\r\nx'.repeat(count)}\r\n`);
        assert.match(await answer(client, 'a'), expected, String(count));
        client.destroy();
      }
      const client = await connect(server);
      await client.write('a APPEND {5}\r\n');
      assert.match(await answer(client, 'a'), /^\* BYE/);
      client.destroy();
    });
  });

  it('after log-in: 64 literals and 1 MiB of them', async () => {
    await withServer({}, async (server) => {
      const client = await logIn(server);
      for (const [count, expected] of [
        [63, /^a BAD Unexpected arguments/],
        [64, /^a BAD Unexpected arguments/],
        [65, /^a BAD Too many literals/],
      ] as const) {
        await client.write(`a LOGIN${' {1+}\r\nx'.repeat(count)}\r\n`);
        assert.match(await answer(client, 'a'), expected, String(count));
      }
      for (const [octets, isAsked] of [
        [1_048_575, true],
        [1_048_576, true],
        [1_048_577, false],
      ] as const) {
        await client.write(`b SUBSCRIBE {${octets}}\r\n`);
        const line = await answer(client, 'b');
        if (isAsked) {
          assert.match(line, /^\+/);
          await client.write(`${'x'.repeat(octets)}\r\n`);
          await answer(client, 'b');
        } else {
          assert.match(line, /^b BAD Literals too long/);
        }
      }
      for (const [octets, expected] of [
        [4095, /^c OK/],
        [4096, /^c OK/],
        [4097, /^c BAD Literal too long to come unasked/],
      ] as const) {
        await client.write(`c SUBSCRIBE {${octets}+}\r\n${'x'.repeat(octets)}\r\n`);
        assert.match(await answer(client, 'c'), expected);
      }
      await client.write('d NOOP\r\n');
      assert.equal(await answer(client, 'd'), 'd OK Completed');
      client.destroy();
    });
  });

  it('messages: announced, and refused before they travel', async () => {
    await withServer({}, async (server) => {
      const client = await logIn(server);
      const limit = 64 * 1024 * 1024;
      for (const [octets, expected] of [
        [limit + 1, /^a NO \[TOOBIG\]/],
        [999_999_999_999_999, /^a NO \[TOOBIG\]/],
        [limit, /^\+/],
      ] as const) {
        await client.write(`a APPEND INBOX {${octets}}\r\n`);
        assert.match(await answer(client, 'a'), expected);
      }
      client.destroy();
    });
  });
});

describe('limits of a connection', () => {
  it('bad commands: the one past the limit ends it', async () => {
    await withServer({}, async (server) => {
      for (const [client, limit] of [
        [await connect(server), 5],
        [await logIn(server), 20],
      ] as const) {
        for (let count = 0; count < limit; count += 1) {
          await client.write('a NONSENSE\r\n');
          assert.equal(await answer(client, 'a'), 'a BAD Unknown command');
        }
        await client.write('b NONSENSE\r\n');
        assert.match((await client.rest()).toString(), /^b BAD Unknown command\r\n\* BYE Too many bad commands\r\n$/);
        client.destroy();
      }
    });
  });

  it('bad commands are forgiven by a good one, but only after log-in', async () => {
    await withServer({ badCommands: 2, badCommandsBeforeLogin: 2 }, async (server) => {
      const script = 'a X\r\nb X\r\nc NOOP\r\nd X\r\ne X\r\nf LOGOUT\r\n';
      const guest = await connect(server);
      await guest.write(script);
      assert.match((await guest.rest()).toString(), /d BAD .*\r\n\* BYE Too many/);
      const user = await logIn(server);
      await user.write(script);
      assert.match((await user.rest()).toString(), /e BAD .*\r\n\* BYE Logging out\r\nf OK/);
    });
  });

  it('time before log-in', async () => {
    await withServer({ loginMs: 50 }, async (server) => {
      const user = await logIn(server);
      const guest = await connect(server);
      await guest.write('a NOOP\r\n');
      assert.match((await guest.rest()).toString(), /^a OK Completed\r\n\* BYE Log-in takes too long\r\n$/);
      await user.write('b NOOP\r\n');
      assert.equal(await user.line(), 'b OK Completed');
      user.destroy();
    });
  });

  it('idleness', async () => {
    await withServer({ idleMs: 50 }, async (server) => {
      const client = await logIn(server);
      await client.write('a SELECT INBOX\r\nb IDLE\r\n');
      assert.match((await client.rest()).toString(), /\+ idling\r\n\* BYE Idle for too long\r\n$/);
    });
  });

  it('connections without a log-in, by address', async () => {
    await withServer({ unauthenticatedPerAddress: 2 }, async (server) => {
      const first = await connect(server);
      await connect(server);
      const refused = await LineClient.connect({ host: '127.0.0.1', port: server.port });
      assert.equal((await refused.rest()).toString(), '* BYE Too many connections\r\n');
      // Whoever logs in or leaves makes room.
      await first.write('a LOGIN alice secret\r\n');
      assert.match(await first.line(), /^a OK/);
      const third = await connect(server);
      await third.write('a LOGOUT\r\n');
      await third.rest();
      await until(() => server.server.connectionCount === 2);
      await connect(server);
    });
  });

  it('connections without a log-in, in all', async () => {
    await withServer({ unauthenticated: 1 }, async (server) => {
      await connect(server);
      const refused = await LineClient.connect({ host: '127.0.0.1', port: server.port });
      assert.equal((await refused.rest()).toString(), '* BYE Too many connections\r\n');
    });
  });

  it('output: a client that does not read is waited for, then cut off', async () => {
    const limits = { outputPauseOctets: 1024 * 1024, outputCloseOctets: 2 * 1024 * 1024, stallMs: 50 };
    const server = await startImapTestServer({ limits });
    try {
      const mailbox = server.alice.existing('INBOX');
      const row = {
        messageId: 'm',
        flags: { system: 0, keywords: [] },
        size: 1,
        internalDate: { at: 0, zoneMinutes: 0 },
        sentDate: undefined,
      };
      mailbox.append(Array.from({ length: 20_000 }, () => row));
      const client = await logIn(server);
      client.pause();
      await client.write(`a SELECT INBOX\r\n${'b FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)\r\n'.repeat(10)}`);
      await until(() => server.server.connectionCount === 0);
      assert.match(server.complaints.join(), /connection cut off .*Output stalled/);
      assert.equal(server.alice.openSessions, 0);
      client.destroy();
    } finally {
      await server.close();
    }
  });

  it('SEARCH: as long as it is given', async () => {
    await withServer({ searchMs: 20 }, async (server) => {
      const client = await logIn(server);
      await client.write('a APPEND INBOX {5+}\r\nhello\r\nb SELECT INBOX\r\n');
      await answer(client, 'b');
      server.alice.failures.set('stallSearch', new Error('stalls'));
      await client.write('c SEARCH BODY x\r\n');
      assert.match(await answer(client, 'c'), /^c NO \[LIMIT\] Search takes too long/);
      client.destroy();
    });
  });
});
