import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Readable } from 'node:stream';
import { MailError, type MailErrorCode } from '../../../lib/kernel/errors.ts';
import type { MessageContent } from '../../../lib/messages/index.ts';
import { Pop3Client } from '../../support/pop3-client.ts';
import { LARGE, SIMPLE, usePop3 } from './pop3-stack.ts';
import { PASSWORD } from '../store.ts';

describe('trouble behind a POP3 server', () => {
  const { store, createUser, withServer } = usePop3();

  const failing = (code: MailErrorCode | 'crash') => async (): Promise<never> => {
    throw code === 'crash'
      ? new Error('10.0.0.1 is down')
      : new MailError(code, 'a text for nobody', { cause: 'secret' });
  };

  const logins: readonly (readonly [MailErrorCode | 'crash', string])[] = [
    ['unavailable', '-ERR [SYS/TEMP] Storage is not available, please try again later'],
    ['crash', '-ERR [SYS/TEMP] Internal error, please try again later'],
    ['rate-limited', '-ERR [SYS/TEMP] Too many attempts, please try again later'],
    ['account-disabled', '-ERR [SYS/PERM] This account is disabled'],
    ['authentication-failed', '-ERR [AUTH] Authentication failed'],
  ];
  for (const [code, answer] of logins) {
    it(`${code} at log-in`, async () => {
      await withServer(
        {},
        async ({ at }) => {
          const client = await Pop3Client.connect(at);
          await client.ok('USER someone');
          assert.equal(await client.command('PASS secret'), answer);
          await client.quit();
        },
        { auth: { login: failing(code) } },
      );
    });
  }

  it('never shows an empty maildrop', async () => {
    const user = await createUser(SIMPLE);
    const { mailboxes } = store().rooms;
    await withServer(
      {},
      async ({ at }) => {
        const client = await Pop3Client.connect(at);
        await client.ok(`USER ${user}`);
        assert.match(await client.command(`PASS ${PASSWORD}`), /^-ERR \[SYS\/TEMP\]/);
        assert.equal(await client.command('STAT'), '-ERR Log in first');
        await client.quit();
      },
      { mailboxes: { open: (...args) => mailboxes.open(...args), find: failing('unavailable') } },
    );
  });

  for (const [code, answer] of [
    ['unavailable', '-ERR [SYS/TEMP] Storage is not available, please try again later\r\n'],
    ['outcome-unknown', ''],
  ] as const) {
    it(`${code} at QUIT`, async () => {
      const user = await createUser(SIMPLE);
      const { mailboxes } = store().rooms;
      await withServer(
        {},
        async ({ at }) => {
          const client = await Pop3Client.login(at, user, PASSWORD);
          await client.ok('DELE 1');
          await client.lines.write('QUIT\r\n');
          assert.equal((await client.lines.rest()).toString('latin1'), answer);
        },
        {
          mailboxes: {
            find: (...args) => mailboxes.find(...args),
            open: async (...args) => Object.assign(await mailboxes.open(...args), { expunge: failing(code) }),
          },
        },
      );
    });
  }

  it('in the middle of a message ends the connection', async () => {
    const user = await createUser(LARGE);
    const { messages } = store().rooms;
    await withServer(
      {},
      async ({ at }) => {
        const client = await Pop3Client.login(at, user, PASSWORD);
        await client.lines.write('RETR 1\r\nNOOP\r\n');
        const received = (await client.lines.rest()).toString('latin1');
        assert.match(received, /^\+OK \d+ octets\r\n/);
        assert.doesNotMatch(received, /\r\n\.\r\n|-ERR|Nothing done/);
      },
      {
        messages: {
          open: async (...args) => {
            const content = await messages.open(...args);
            const range = (start: number, end: number): Readable => Readable.from(brokenOff(content.range(start, end)));
            return { size: content.size, range } as MessageContent;
          },
        },
      },
    );
  });
});

async function* brokenOff(stream: Readable): AsyncGenerator<Buffer> {
  let passed = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    yield chunk;
    passed += chunk.length;
    if (passed > 500_000) throw new Error('10.0.0.1 went away');
  }
}
