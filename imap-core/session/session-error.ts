/**
 * Every failure that storage may report. Those in capitals are response codes (RFC 5530, RFC 7889, RFC 3501) that
 * go into a tagged NO. The others end the connection:
 * - `outcome-unknown`: whether the change took place could not be found out; the client hears BYE and no word that
 *   claims either;
 * - `session-over`: the account or its right to be here is gone; BYE.
 */
export type SessionErrorCode =
  | 'ALREADYEXISTS'
  | 'AUTHENTICATIONFAILED'
  | 'AUTHORIZATIONFAILED'
  | 'CANNOT'
  | 'CONTACTADMIN'
  | 'EXPUNGEISSUED'
  | 'HASCHILDREN'
  | 'INUSE'
  | 'LIMIT'
  | 'NONEXISTENT'
  | 'NOPERM'
  | 'OVERQUOTA'
  | 'PRIVACYREQUIRED'
  | 'SERVERBUG'
  | 'TOOBIG'
  | 'TRYCREATE'
  | 'UNAVAILABLE'
  | 'outcome-unknown'
  | 'session-over';

/**
 * The only error that storage throws on purpose. Anything else that escapes a session is taken for a fault of the
 * server: logged, and answered `NO [SERVERBUG]`.
 */
export class SessionError extends Error {
  override readonly name = 'SessionError';
  readonly code: SessionErrorCode;

  /**
   * @param message a sentence that the client may read
   * @param cause what lies underneath; goes to the log, never to the client
   */
  constructor(code: SessionErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
