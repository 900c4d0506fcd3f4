import type { AccountId } from '../kernel/ids.ts';
import { AccountLog } from './account-log.ts';
import type { Checkpoint } from './checkpoint.ts';
import { namedSegments } from './named-segments.ts';
import { brokenJournal, isBrokenJournal } from './damage.ts';
import { Folder, type FolderOptions } from './fold.ts';
import type { JournalStore } from './journal-store.ts';

/**
 * Writes the head anew out of base and journal alone, whatever stands there now. Running nodes and their sessions go
 * on: to them it is a fold like any other.
 * @throws MailError `unavailable`
 */
export async function rebuildHead(account: AccountId, store: JournalStore, options: FolderOptions): Promise<void> {
  const found = await readHead(store, account);
  const standing = found === 'unreadable' ? undefined : found;
  let isRemoved = found !== 'unreadable';
  const log = await AccountLog.open(
    account,
    {
      ...store,
      readCheckpoint: async (own, kind = 'head') => {
        if (kind === 'head' && !isRemoved) return undefined;
        const other = await store.readCheckpoint(own, kind);
        // As if there were none, until there is another.
        return kind === 'head' && other?.rev === standing?.rev ? undefined : other;
      },
      replaceCheckpoint: async (own, checkpoint) => {
        // What cannot be read makes room only when what comes in its place is there.
        if (!isRemoved) await store.removeCheckpoint(own, 'head');
        isRemoved = true;
        return store.replaceCheckpoint(own, checkpoint, standing);
      },
    },
    options,
  );
  if (standing !== undefined && log.state.q < standing.q)
    throw brokenJournal(`records ${log.state.q + 1} to ${standing.q} are missing`);
  await new Folder(log, options).fold();
  const written = await store.readCheckpoint(account);
  if (standing === undefined || written === undefined || written.rev === standing.rev) return;
  const kept = new Set(namedSegments(written).map(({ ref }) => `${ref.generation}/${ref.number}`));
  const unwanted = namedSegments(standing).filter(({ ref }) => !kept.has(`${ref.generation}/${ref.number}`));
  await store.removeSegments(account, unwanted);
}

async function readHead(store: JournalStore, account: AccountId): Promise<Checkpoint | 'unreadable' | undefined> {
  try {
    return await store.readCheckpoint(account);
  } catch (error) {
    if (!isBrokenJournal(error)) throw error;
    return 'unreadable';
  }
}
