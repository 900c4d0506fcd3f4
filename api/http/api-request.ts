import type { Readable } from 'node:stream';
import type { AccessTokens, Auth } from '../../lib/auth/index.ts';
import type { Accounts, User } from '../../lib/accounts/index.ts';
import type { Addresses } from '../../lib/addresses/index.ts';
import type { JobStatus } from '../../lib/jobs/index.ts';
import type { Mailboxes } from '../../lib/journal/index.ts';
import type { Clock } from '../../lib/kernel/clock.ts';
import type { Messages } from '../../lib/messages/index.ts';
import type { Nodes } from '../../lib/nodes/index.ts';
import type { Actor } from './access.ts';
import type { CursorSeal } from './paging.ts';

/** The rooms that routes translate for. */
export interface ApiServices {
  readonly accounts: Accounts;
  readonly addresses: Addresses;
  readonly auth: Auth;
  readonly tokens: AccessTokens;
  readonly mailboxes: Mailboxes;
  readonly messages: Messages;
  readonly nodes: Nodes;
  readonly listJobs: () => Promise<readonly JobStatus[]>;
  readonly clock: Clock;
  readonly cursors: CursorSeal;
  /** Octets of the largest message. */
  readonly maxMessageOctets: number;
  /** Of the program; for /health. */
  readonly version: string;
}

/** One request whose asker is known and whose parameters are valid. */
export interface ApiRequest {
  readonly services: ApiServices;
  readonly actor: Actor;
  /** Of the connection; where root asks on somebody's behalf and says `ip`, that. */
  readonly remoteAddress: string;
  /** Fires when the client goes away. */
  readonly signal: AbortSignal;
  /** The body of a message upload that is not JSON, still to be read. */
  readonly content: AsyncIterable<Buffer> | undefined;
}

/** A request about one user, who exists and whom the asker may see. */
export interface UserRequest extends ApiRequest {
  readonly user: User;
}

/** An answer that is not JSON: octets, streamed with back-pressure. */
export class ContentAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly octets: Readable;

  constructor(octets: Readable, headers: Readonly<Record<string, string>>) {
    this.octets = octets;
    this.headers = headers;
  }
}
