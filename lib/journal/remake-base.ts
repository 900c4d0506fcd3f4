import { MailError } from '../kernel/errors.ts';
import type { AccountId } from '../kernel/ids.ts';
import { AccountLog } from './account-log.ts';
import { leadsToHead } from './check-account.ts';
import type { Checkpoint } from './checkpoint.ts';
import { brokenJournal, isBrokenJournal } from './damage.ts';
import { Folder, type FolderOptions } from './fold.ts';
import { changedMailboxes } from './fold-plan.ts';
import type { JournalStore } from './journal-store.ts';
import { loadColumns } from './load-columns.ts';
import { accountMiscounts, miscountsOf } from './miscounts.ts';
import { namedSegments } from './named-segments.ts';

const ATTEMPTS = 3;

/** What a base that was made of the head no longer tells. */
export interface RemadeBase {
  /** The record that the base stands at now, which is the head's. */
  readonly q: number;
  /** When that one was committed, milliseconds since 1970; undefined where the record is lost. */
  readonly at: number | undefined;
  /** Where the base stood before; 0 where there was none that could be read. */
  readonly stoodAt: number;
  /** Paths of mailboxes of which not all that was expunged can be restored any more. */
  readonly forgotten: readonly string[];
}

/**
 * Makes the base anew of the head, where base and journal no longer lead there: under segments of its own, by
 * compare-and-set, while sessions and commits go on. How the account was before the head is lost with it, but for
 * backups, and so is what the journal says and the head does not. A crash leaves the account as it was, or whole.
 * @throws MailError `not-permitted` where base and journal lead to the head, `unavailable` where the head or what comes
 *   after it lacks something too
 */
export async function remakeBase(account: AccountId, store: JournalStore, options: FolderOptions): Promise<RemadeBase> {
  for (let attempt = 1; ; attempt += 1) {
    const standing = await readBase(account, store);
    const head = await requireHead(account, store, options, standing === 'unreadable' ? 0 : (standing?.q ?? 0));
    if (standing !== 'unreadable') {
      if (standing !== undefined && standing.q > head.q) throw brokenJournal('the base is ahead of the head');
      if (await leadsToHead(store, account, options.clock, standing, head))
        throw new MailError('not-permitted', 'Base and journal of this account are whole');
    }
    try {
      return await remake(account, store, options, head, standing);
    } catch (error) {
      // A fold has put another head in its place, and removed what this one named.
      const isOutdated = (await store.readCheckpoint(account))?.rev !== head.rev;
      if (!isOutdated || attempt === ATTEMPTS) throw error;
    }
  }
}

/**
 * A head whose journal goes on from there. One above the last record says nothing of what may have come after it, but
 * where the base has taken in all there was.
 */
async function requireHead(
  account: AccountId,
  store: JournalStore,
  options: FolderOptions,
  baseQ: number,
): Promise<Checkpoint> {
  const head = await store.readCheckpoint(account);
  if (head === undefined) throw brokenJournal('there is no head to make a base of');
  const { last } = await store.readGaps(account, 1);
  if (Math.max(last, baseQ) < head.q) throw brokenJournal(`records ${last + 1} to ${head.q} are missing`);
  await AccountLog.open(account, store, options);
  return head;
}

async function readBase(account: AccountId, store: JournalStore): Promise<Checkpoint | 'unreadable' | undefined> {
  try {
    return await store.readCheckpoint(account, 'base');
  } catch (error) {
    if (!isBrokenJournal(error)) throw error;
    return 'unreadable';
  }
}

async function remake(
  account: AccountId,
  store: JournalStore,
  options: FolderOptions,
  head: Checkpoint,
  standing: Checkpoint | 'unreadable' | undefined,
): Promise<RemadeBase> {
  const readable = standing === 'unreadable' ? undefined : standing;
  const log = await AccountLog.open(account, headForBase(store, standing), options);
  // Another base has come meanwhile, and is what this one would be.
  if (!log.isOnBase || log.checkpoint?.rev !== head.rev) throw inTheWay();
  await requireCounted(log);
  // Segments first, as ever: what cannot be read makes room only when they are all there.
  await new Folder(log, { ...options, onFolded: undefined }).fold();
  const written = await store.readCheckpoint(account, 'base');
  if (written === undefined || written.q < head.q) throw inTheWay();
  const kept = new Set(segmentNames([written, await store.readCheckpoint(account)]));
  const unwanted = namedSegments(readable).filter(({ ref }) => !kept.has(`${ref.generation}/${ref.number}`));
  await store.removeSegments(account, unwanted);
  const [record] = (await store.readAfter(account, written.q - 1, 1)).records;
  const at = record?.q === written.q ? record.at : undefined;
  return { q: written.q, at, stoodAt: readable?.q ?? 0, forgotten: forgottenSince(head, written) };
}

/** The store as it looks to a fold that finds no head, takes the head for the base, and writes what it makes as the base. */
function headForBase(store: JournalStore, standing: Checkpoint | 'unreadable' | undefined): JournalStore {
  let isRemoved = standing !== 'unreadable';
  return {
    ...store,
    readCheckpoint: async (account, kind = 'head') => {
      // As it is by now: a fold elsewhere may have replaced it, and removed what this one named.
      if (kind === 'base') return store.readCheckpoint(account);
      const found = isRemoved ? await store.readCheckpoint(account, 'base') : undefined;
      return standing !== 'unreadable' && found?.rev === standing?.rev ? undefined : found;
    },
    replaceCheckpoint: async (account, checkpoint) => {
      if (!isRemoved) await store.removeCheckpoint(account, 'base');
      isRemoved = true;
      return store.replaceCheckpoint(account, checkpoint, standing === 'unreadable' ? undefined : standing, 'base');
    },
    readAfter: async () => ({ records: [], beyond: undefined }),
  };
}

/** A head that does not count what it holds would be damage that nothing tells any more. */
async function requireCounted(log: AccountLog): Promise<void> {
  const { state } = log;
  await loadColumns(
    log,
    changedMailboxes(state, 0).map(({ id }) => id),
  );
  const [problem] = [
    ...accountMiscounts(state),
    ...[...state.mailboxes.values()].flatMap((header) => {
      const columns = state.columns(header.id);
      return columns === undefined ? [] : miscountsOf(header, columns, state.q);
    }),
  ];
  if (problem !== undefined) throw brokenJournal(`the head does not hold what it counts: ${problem}`);
}

function segmentNames(checkpoints: readonly (Checkpoint | undefined)[]): string[] {
  return checkpoints.flatMap((one) => namedSegments(one).map(({ ref }) => `${ref.generation}/${ref.number}`));
}

/** Where segments of tombstones that the head names could not be read. */
function forgottenSince(head: Checkpoint, written: Checkpoint): string[] {
  const headers = [...head.mailboxes, ...head.removed.map(({ header }) => header)];
  return headers.flatMap(({ id, path }) => {
    const { tombstones = [] } = head.segments.get(id) ?? {};
    const isLost = tombstones.length > 0 && (written.segments.get(id)?.tombstoneFloor ?? 0) >= written.q;
    return isLost ? [path] : [];
  });
}

function inTheWay(): MailError {
  return new MailError('unavailable', 'Somebody is at work in this account, please try again');
}
