import type { Session } from './session.ts';

export interface Peer {
  /** IP address as text. */
  readonly remoteAddress: string;
  /** True under TLS. */
  readonly isSecure: boolean;
}

/** Storage as a whole. */
export interface ImapBackend {
  /**
   * @throws SessionError `AUTHENTICATIONFAILED` alike for unknown users and wrong passwords; `AUTHORIZATIONFAILED`,
   *   `CONTACTADMIN` for accounts that may not come in; `LIMIT` for too many connections or attempts; `UNAVAILABLE`
   *   for trouble behind the scenes, never `AUTHENTICATIONFAILED` then
   */
  authenticate(username: string, password: string, peer: Peer): Promise<Session>;
}
