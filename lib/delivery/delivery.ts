import type { AccountId, MailboxId, MessageId, Uid, UserId } from '../kernel/ids.ts';
import type { MailError } from '../kernel/errors.ts';
import type { IngestedMessage } from '../messages/index.ts';

/** A recipient address and whose it is, as of the moment it was looked up. */
export interface Recipient {
  /** As the client wrote it, e.g. `First.Last+news@Example.com`. */
  readonly address: string;
  /**
   * What tells deliveries apart: the owner's spelling of the address in lower case, with the subaddress of this
   * recipient. The same DATA to `a+x@…` and `a+y@…` is two messages; the same DATA to `A@…` and `a@…` is one.
   */
  readonly deliveryAddress: string;
  readonly user: UserId;
  readonly account: AccountId;
}

/** RFC 3848 and RFC 6531 section 4.3: the value of `with` in Received. */
export type DeliveryProtocol = 'LMTP' | 'LMTPS' | 'UTF8LMTP' | 'UTF8LMTPS' | 'ESMTP' | 'HTTP';

export interface DeliveryEnvelope {
  /** Without angle brackets; empty for the null reverse path. */
  readonly reversePath: string;
  readonly recipients: readonly Recipient[];
  /** What the client calls itself; a claim, used only where it is a valid domain or address literal. */
  readonly helo: string;
  /** IP address of the client; empty where there is none. */
  readonly remoteAddress: string;
  readonly protocol: DeliveryProtocol;
  /** Names this transaction in Received and in the log. */
  readonly id: string;
}

export type DeliveryOutcome =
  | {
      readonly kind: 'delivered';
      readonly recipient: Recipient;
      readonly mailbox: MailboxId;
      readonly uidValidity: number;
      readonly uid: Uid;
      readonly messageId: MessageId;
      /** Octets stored, trace fields included. */
      readonly size: number;
      /** True where an earlier attempt had stored the message data already. */
      readonly isRepeat: boolean;
    }
  | { readonly kind: 'failed'; readonly recipient: Recipient; readonly error: MailError };

/** Brings a message that was read once to each of its recipients. */
export interface Delivery {
  /**
   * Whose mailbox an address means; the subaddress is dropped for the look-up and kept in what is returned.
   * @throws MailError `address-not-found`, `account-disabled`, `unavailable`
   */
  resolveRecipient(address: string): Promise<Recipient>;

  /**
   * Stores the message for every recipient, each with trace fields of its own, and commits it to their INBOX. A retry
   * of the same octets to the same address answers with the UID of the first (PROMISES P2).
   * Never throws for what concerns a single recipient.
   * @returns one outcome per recipient, in order
   */
  deliver(ingested: IngestedMessage, envelope: DeliveryEnvelope): Promise<readonly DeliveryOutcome[]>;
}
