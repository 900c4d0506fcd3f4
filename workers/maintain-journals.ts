import type { Journal } from '../lib/journal/index.ts';
import type { AccountId } from '../lib/kernel/ids.ts';
import type { Logger } from '../lib/kernel/logger.ts';

/** Part of the accounts, by the hexadecimal digits that their ids begin with; `to` is the first of the next part. */
export interface AccountPart {
  readonly from: string;
  readonly to: string | undefined;
}

export interface JournalReport {
  readonly accounts: number;
  readonly journalRecords: number;
  readonly straySegments: number;
  readonly closedAccounts: number;
  /** Accounts that could not be looked after; the log says why. */
  readonly failedAccounts: number;
}

const EVERYTHING: AccountPart = { from: '', to: undefined };
const ACCOUNT_DIGITS = 24;

/**
 * Looks after the journal of one account after the other; what fails for one is logged and harms no other.
 * @throws the signal's reason
 */
export async function maintainJournals(
  mailboxes: Pick<Journal, 'accounts' | 'maintain'>,
  logger: Logger,
  options: { readonly part?: AccountPart; readonly signal?: AbortSignal } = {},
): Promise<JournalReport> {
  const { part = EVERYTHING, signal } = options;
  const sum = { accounts: 0, journalRecords: 0, straySegments: 0, closedAccounts: 0, failedAccounts: 0 };
  for await (const account of mailboxes.accounts(accountRange(part))) {
    signal?.throwIfAborted();
    sum.accounts += 1;
    try {
      const { records, strays, isRemoved } = await mailboxes.maintain(account, signal === undefined ? {} : { signal });
      sum.journalRecords += records;
      sum.straySegments += strays;
      if (isRemoved) sum.closedAccounts += 1;
    } catch (error) {
      signal?.throwIfAborted();
      sum.failedAccounts += 1;
      logger.error({ account, error }, 'the journal of an account could not be looked after');
    }
  }
  return sum;
}

/** The part as the journal's door takes it. */
export function accountRange(part: AccountPart): Parameters<Journal['accounts']>[0] {
  const after = before(part.from);
  const upTo = part.to === undefined ? undefined : before(part.to);
  return { ...(after === undefined ? {} : { after }), ...(upTo === undefined ? {} : { upTo }) };
}

/** The last account before those that begin with the digits; undefined where there is none. */
function before(digits: string): AccountId | undefined {
  const first = BigInt(`0x${digits.padEnd(ACCOUNT_DIGITS, '0')}`);
  return first === 0n ? undefined : ((first - 1n).toString(16).padStart(ACCOUNT_DIGITS, '0') as AccountId);
}
