import type { AccountId } from '../kernel/ids.ts';
import { AccountLog } from './account-log.ts';
import { namedSegments } from './checkpoint.ts';
import { Folder, type FolderOptions } from './fold.ts';
import type { JournalStore } from './journal-store.ts';

/**
 * Writes the head anew out of base and journal alone, whatever stands there now. Running nodes and their sessions go
 * on: to them it is a fold like any other.
 * @throws MailError `unavailable`
 */
export async function rebuildHead(account: AccountId, store: JournalStore, options: FolderOptions): Promise<void> {
  const standing = await store.readCheckpoint(account);
  const log = await AccountLog.open(
    account,
    {
      ...store,
      readCheckpoint: async (own, kind = 'head') => (kind === 'head' ? undefined : store.readCheckpoint(own, kind)),
      replaceCheckpoint: (own, checkpoint) => store.replaceCheckpoint(own, checkpoint, standing),
    },
    options,
  );
  await new Folder(log, options).fold();
  const written = await store.readCheckpoint(account);
  if (standing === undefined || written === undefined || written.rev === standing.rev) return;
  const kept = new Set(namedSegments(written).map(({ ref }) => `${ref.generation}/${ref.number}`));
  const unwanted = namedSegments(standing).filter(({ ref }) => !kept.has(`${ref.generation}/${ref.number}`));
  await store.removeSegments(account, unwanted);
}
