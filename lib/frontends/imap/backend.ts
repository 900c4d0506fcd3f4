import { type ImapBackend, type SessionLimits } from '../../../imap-core/index.ts';
import { createLocalSessionLimit } from '../../auth/index.ts';
import { MailSession } from './mail-session.ts';
import type { ImapRooms } from './rooms.ts';
import { translated } from './session-errors.ts';
import type { ImapSettings } from './settings.ts';

/** The store as imap-core wants it. */
export function createImapBackend(rooms: ImapRooms, settings: () => ImapSettings): ImapBackend {
  const { sessions = createLocalSessionLimit() } = rooms;
  return {
    authenticate: async (username, password, peer) => {
      const user = await translated(() =>
        rooms.auth.login({ username, password, scope: 'imap', protocol: 'IMAP', remoteAddress: peer.remoteAddress }),
      );
      const { account } = user;
      const lease = await translated(() => sessions.enter(account, settings().maxConnectionsPerUser));
      return new MailSession(rooms, user, limitsOf(rooms, settings()), () => lease.release());
    },
  };
}

function limitsOf({ mailboxes }: ImapRooms, settings: ImapSettings): SessionLimits {
  return { appendOctets: settings.maxMessageSize, keywordsPerMailbox: mailboxes.maxKeywords };
}
