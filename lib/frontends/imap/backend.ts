import { SessionError, type ImapBackend, type SessionLimits } from '../../../imap-core/index.ts';
import type { AccountId } from '../../kernel/ids.ts';
import { MailSession } from './mail-session.ts';
import type { ImapRooms } from './rooms.ts';
import { translated } from './session-errors.ts';
import type { ImapSettings } from './settings.ts';

/** The store as imap-core wants it. */
export function createImapBackend(rooms: ImapRooms, settings: () => ImapSettings): ImapBackend {
  const open = new Map<AccountId, number>();
  return {
    authenticate: async (username, password, peer) => {
      const user = await translated(() =>
        rooms.auth.login({ username, password, scope: 'imap', protocol: 'IMAP', remoteAddress: peer.remoteAddress }),
      );
      const { account } = user;
      const sessions = open.get(account) ?? 0;
      if (sessions >= settings().maxConnectionsPerUser)
        throw new SessionError('LIMIT', 'Too many connections of this account');
      open.set(account, sessions + 1);
      return new MailSession(rooms, user, limitsOf(settings()), () => {
        const left = (open.get(account) ?? 1) - 1;
        if (left > 0) open.set(account, left);
        else open.delete(account);
      });
    },
  };
}

function limitsOf(settings: ImapSettings): SessionLimits {
  return { appendOctets: settings.maxMessageSize, keywordsPerMailbox: settings.maxKeywords };
}
