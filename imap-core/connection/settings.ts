import type { SecureContext } from 'node:tls';
import type { ImapLogger } from '../commands/command.ts';
import type { ImapBackend } from '../session/backend.ts';
import type { ImapLimits } from './limits.ts';

/** What all connections of a server share. */
export interface ConnectionSettings {
  readonly backend: ImapBackend;
  readonly logger: ImapLogger;
  readonly serverId: ReadonlyMap<string, string>;
  /** Asked for each handshake, so that a renewed certificate needs no restart; undefined: no TLS. */
  readonly secureContext: (() => SecureContext) | undefined;
  /** Whether a password may travel in the clear from there. */
  readonly allowsPlaintextLogin: (remoteAddress: string) => boolean;
  /** Called for each command that has arrived whole, whatever becomes of it. */
  readonly onCommand?: (() => void) | undefined;
  /** As of the moment it is asked. */
  readonly limits: () => ImapLimits;
}
