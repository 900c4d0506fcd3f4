import type { SecureContext } from 'node:tls';
import { createImapServer, type ImapLimits } from '../../../imap-core/index.ts';
import { spreadGoodbyes } from '../../kernel/goodbyes.ts';
import { isLoopback } from '../../kernel/loopback.ts';
import type { Logger } from '../../kernel/logger.ts';
import { createImapBackend } from './backend.ts';
import { directPeer, type PeerReader } from '../../proxy/index.ts';
import type { ImapRooms } from './rooms.ts';
import type { ImapSettings } from './settings.ts';

export interface ImapFrontEndParts extends ImapRooms {
  /** As of the moment they are asked for, so that what is reloadable takes effect. */
  readonly settings: () => ImapSettings;
  /** The certificate as of now; without it there is neither STARTTLS nor implicit TLS. */
  readonly secureContext?: () => SecureContext;
  readonly logger: Logger;
  /** Called for each command. */
  readonly onCommand?: () => void;
  /** Told by ID (RFC 2971). */
  readonly version: string;
}

export interface ImapFrontEnd {
  /** May be called for several addresses. */
  listen(at: {
    readonly host: string;
    readonly port: number;
    readonly implicitTls?: boolean;
    /** Whom a connection comes from; where not given, the other end of its socket. */
    readonly readPeer?: PeerReader;
  }): Promise<{ readonly port: number }>;
  /** Connections that stand. */
  readonly connectionCount: number;
  /** Takes in the settings that are reloadable. */
  reload(): void;
  /** Says BYE between two commands, to one client after the other, and cuts off what is left at the deadline. */
  close(deadlineMs: number): Promise<void>;
}

/** IMAP over the store: imap-core's server with the rooms behind it. */
export function createImapFrontEnd(parts: ImapFrontEndParts): ImapFrontEnd {
  const { settings, logger } = parts;
  const server = createImapServer({
    backend: createImapBackend(parts, settings),
    logger,
    serverId: new Map([
      ['name', 'Eider'],
      ['version', parts.version],
    ]),
    secureContext: parts.secureContext,
    allowsPlaintextLogin: (address) => settings().allowPlaintextOnLoopback && isLoopback(address),
    onCommand: parts.onCommand,
    limits: limitsOf(settings()),
  });
  return {
    listen: async ({ host, port, implicitTls = false, readPeer = directPeer }) =>
      server.listen({ host, port, isImplicitTls: implicitTls, readPeer }),
    get connectionCount() {
      return server.connectionCount;
    },
    reload: () => server.setLimits(limitsOf(settings())),
    close: async (deadlineMs) =>
      server.close(deadlineMs, (connections, withinMs) => spreadGoodbyes(connections, withinMs, parts.clock)),
  };
}

function limitsOf(settings: ImapSettings): Partial<ImapLimits> {
  return {
    unauthenticatedPerAddress: settings.maxUnauthenticatedPerAddress,
    unauthenticated: settings.maxUnauthenticated,
    loginMs: settings.loginTimeout,
    idleMs: settings.idleTimeout,
    searchMs: settings.searchTimeout,
  };
}
