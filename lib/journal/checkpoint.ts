import type { AccountId, MailboxId } from '../kernel/ids.ts';
import {
  AccountState,
  type DeliveredTo,
  type MailboxHeader,
  type RemovedMailbox,
  type RestoredMessages,
  type SweptBy,
} from './account-state.ts';
import type { MessageId } from '../kernel/ids.ts';

/** Names a packed run of rows or tombstones. Generations are random and never written again. */
export interface SegmentRef {
  /** 16 hexadecimal digits. */
  readonly generation: string;
  readonly number: number;
  readonly count: number;
}

/** Rows of the UIDs `first` … `last`. */
export interface RowSegmentRef extends SegmentRef {
  readonly first: number;
  readonly last: number;
}

/** Tombstones up to the record `lastQ`, the newest made at `lastAt`. */
export interface TombstoneSegmentRef extends SegmentRef {
  readonly lastQ: number;
  readonly lastAt: number;
}

/** Where a mailbox's messages are written down, as of the checkpoint. */
export interface MailboxSegments {
  /** In order of UID. */
  readonly rows: readonly RowSegmentRef[];
  /** In order of `q`. */
  readonly tombstones: readonly TombstoneSegmentRef[];
  /** Expunges by records up to this one may have lost their tombstones. */
  readonly tombstoneFloor: number;
}

export const NO_SEGMENTS: MailboxSegments = { rows: [], tombstones: [], tombstoneFloor: 0 };

/** An account's state as of `q`, written down. `rev` is random and tells two checkpoints of one `q` apart. */
export interface Checkpoint {
  readonly q: number;
  /** 24 hexadecimal digits. */
  readonly rev: string;
  /** Of the record `q`; '' where that is not known. */
  readonly token: string;
  readonly isClosed: boolean;
  readonly quotaOctets: number;
  readonly octets: number;
  readonly messages: number;
  readonly uidValidity: number;
  readonly subscriptions: readonly string[];
  readonly mailboxes: readonly MailboxHeader[];
  readonly removed: readonly RemovedMailbox[];
  readonly segments: ReadonlyMap<MailboxId, MailboxSegments>;
  /** Recent deliveries, so that a state opened here can still answer their retries; complete after `deliveriesFrom`. */
  readonly deliveries: readonly (readonly [MessageId, DeliveredTo])[];
  readonly deliveriesFrom: number;
  /** Message data swept lately, for appends that were under way; complete after `sweptFrom`. */
  readonly swept: readonly (readonly [MessageId, SweptBy])[];
  readonly sweptFrom: SweptBy;
  readonly restored: readonly RestoredMessages[];
}

/** The state of an account of which nothing is written down. */
export const NO_CHECKPOINT: Checkpoint = {
  q: 0,
  rev: '',
  token: '',
  isClosed: false,
  quotaOctets: 0,
  octets: 0,
  messages: 0,
  uidValidity: 0,
  subscriptions: [],
  mailboxes: [],
  removed: [],
  segments: new Map(),
  deliveries: [],
  deliveriesFrom: 0,
  swept: [],
  sweptFrom: { q: 0, at: 0 },
  restored: [],
};

/** A state as of the checkpoint, without columns. */
export function stateOf(account: AccountId, checkpoint: Checkpoint): AccountState {
  const state = new AccountState(account);
  state.q = checkpoint.q;
  state.lastToken = checkpoint.token;
  state.isClosed = checkpoint.isClosed;
  state.quotaOctets = checkpoint.quotaOctets;
  state.octets = checkpoint.octets;
  state.messages = checkpoint.messages;
  state.uidValidity = checkpoint.uidValidity;
  for (const path of checkpoint.subscriptions) state.subscriptions.add(path);
  for (const header of checkpoint.mailboxes) state.put(header);
  for (const removed of checkpoint.removed) state.removed.set(removed.header.id, removed);
  for (const [messageId, to] of checkpoint.deliveries) state.addDelivery(messageId, to);
  state.deliveriesFrom = Math.max(state.deliveriesFrom, checkpoint.deliveriesFrom);
  for (const [messageId, by] of checkpoint.swept) state.addSwept(messageId, by);
  state.sweptFrom = checkpoint.sweptFrom;
  state.restored = checkpoint.restored;
  return state;
}

/** The state written down; `segments` are those of its mailboxes as of its `q`. */
export function checkpointOf(
  state: AccountState,
  rev: string,
  segments: ReadonlyMap<MailboxId, MailboxSegments>,
  deliveriesAfter: number,
): Checkpoint {
  return {
    q: state.q,
    rev,
    token: state.lastToken,
    isClosed: state.isClosed,
    quotaOctets: state.quotaOctets,
    octets: state.octets,
    messages: state.messages,
    uidValidity: state.uidValidity,
    subscriptions: [...state.subscriptions],
    mailboxes: [...state.mailboxes.values()],
    removed: [...state.removed.values()],
    segments,
    deliveries: [...state.deliveries].filter(([, { q }]) => q > deliveriesAfter),
    deliveriesFrom: Math.max(state.deliveriesFrom, deliveriesAfter),
    swept: [...state.swept],
    sweptFrom: state.sweptFrom,
    restored: state.restored,
  };
}
