import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toSessionError, translatedForTarget } from '../../lib/frontends/imap/session-errors.ts';
import { replyTo } from '../../lib/frontends/lmtp/replies.ts';
import { REPLIES as POP3_REPLIES } from '../../lib/frontends/pop3/replies.ts';
import { isTemporary, MailError, type MailErrorCode } from '../../lib/kernel/errors.ts';

/** What each failure must be to the MTA (4: it tries again, 5: it bounces), to IMAP clients, and to POP3 clients. */
const FACES: Readonly<Record<MailErrorCode, readonly [lmtp: number, imap: string, pop3: string | undefined]>> = {
  internal: [451, 'SERVERBUG', 'SYS/TEMP'],
  unavailable: [451, 'UNAVAILABLE', 'SYS/TEMP'],
  'outcome-unknown': [451, 'outcome-unknown', undefined],
  'shutting-down': [451, 'UNAVAILABLE', 'SYS/TEMP'],
  'authentication-failed': [451, 'AUTHENTICATIONFAILED', 'AUTH'],
  'authorization-failed': [550, 'AUTHORIZATIONFAILED', 'AUTH'],
  'privacy-required': [451, 'PRIVACYREQUIRED', ''],
  'rate-limited': [451, 'LIMIT', 'SYS/TEMP'],
  'account-disabled': [550, 'CONTACTADMIN', 'SYS/PERM'],
  'invalid-token': [451, 'AUTHENTICATIONFAILED', 'AUTH'],
  'invalid-auth-scope': [451, 'AUTHORIZATIONFAILED', 'AUTH'],
  'missing-privileges': [451, 'NOPERM', 'AUTH'],
  'invalid-input': [550, 'CANNOT', ''],
  limit: [452, 'LIMIT', 'IN-USE'],
  'too-big': [552, 'TOOBIG', 'SYS/TEMP'],
  'over-quota': [552, 'OVERQUOTA', 'SYS/TEMP'],
  'not-permitted': [550, 'NOPERM', ''],
  'user-not-found': [550, 'session-over', 'SYS/TEMP'],
  'user-exists': [451, 'ALREADYEXISTS', 'SYS/TEMP'],
  'address-not-found': [550, 'NONEXISTENT', 'SYS/TEMP'],
  'address-exists': [451, 'ALREADYEXISTS', 'SYS/TEMP'],
  'mailbox-not-found': [451, 'NONEXISTENT', 'SYS/TEMP'],
  'mailbox-exists': [451, 'ALREADYEXISTS', 'SYS/TEMP'],
  'mailbox-name-invalid': [451, 'CANNOT', 'SYS/TEMP'],
  'mailbox-not-permitted': [451, 'CANNOT', 'SYS/TEMP'],
  'mailbox-has-children': [451, 'HASCHILDREN', 'SYS/TEMP'],
  'message-not-found': [451, 'NONEXISTENT', ''],
  'expunge-issued': [451, 'EXPUNGEISSUED', ''],
  'attachment-not-found': [451, 'NONEXISTENT', 'SYS/TEMP'],
};

describe('a failure, as it is told', () => {
  for (const [code, [lmtp, imap, pop3]] of Object.entries(FACES) as [MailErrorCode, (typeof FACES)[MailErrorCode]][]) {
    it(code, () => {
      const error = new MailError(code, 'A sentence');
      const reply = replyTo(error, { overQuotaIsTemporary: false });
      assert.equal(reply.code, lmtp);
      assert.match(reply.text, lmtp < 500 ? /^4\.\d\.\d / : /^5\.\d\.\d /, 'the enhanced status agrees');
      assert.equal(toSessionError(error).code, imap);
      const text = POP3_REPLIES[code];
      assert.equal(text === undefined ? undefined : (/^\[([^\]]+)\] /.exec(text)?.[1] ?? ''), pop3);
      if (isTemporary(code)) assert.ok(lmtp < 500, 'trouble behind bounces nothing');
    });
  }

  it('is what nobody meant to throw: a fault of the server, and no word of what it was', () => {
    const error = toSessionError(new TypeError('secret path'));
    assert.equal(error.code, 'SERVERBUG');
    assert.doesNotMatch(error.message, /secret/);
  });

  it('names a missing target as one that can be made', async () => {
    const refused = translatedForTarget(() => Promise.reject(new MailError('mailbox-not-found', 'No such mailbox')));
    await assert.rejects(refused, { code: 'TRYCREATE' });
    const other = translatedForTarget(() => Promise.reject(new MailError('message-not-found', 'No such message')));
    await assert.rejects(other, { code: 'NONEXISTENT' });
  });
});
