import { MailError } from '../kernel/errors.ts';
import type { MessageId } from '../kernel/ids.ts';
import { ExportFold, UnusableExport, type FoldedAccount } from '../journal/index.ts';
import { describeMessage, type CarriedMessage } from '../messages/index.ts';
import type { BackupSet } from './backup-set.ts';
import type { UserLine } from './catalogue.ts';
import { entriesIn, type PackEntry } from './pack.ts';
import { readAhead } from './read-ahead.ts';
import { DamagedObject } from './sealed-object.ts';

/** What makes part of an account unusable, as a sentence; what cannot be said about it is thrown on. */
export function damageIn(error: unknown): string | undefined {
  if (error instanceof DamagedObject || error instanceof UnusableExport || error instanceof RangeError)
    return error.message;
  // What the journal's room does not understand it calls unavailable, with the reason as the cause.
  if (error instanceof MailError && error.code === 'unavailable' && !isOfDatabase(error.cause))
    return error.cause instanceof Error ? error.cause.message : String(error.cause);
  return undefined;
}

function isOfDatabase(cause: unknown): boolean {
  return cause instanceof Error && cause.name.startsWith('Mongo');
}

export interface FoldLineOptions {
  /** Records from the first one after this moment on are left out, ms since 1970. */
  readonly until?: number;
  /** Called where the journal can be read only so far, which is then all that there is. Without it that is thrown. */
  readonly onDamage?: (sentence: string) => void;
}

/**
 * The account as its packs say. Undefined where nothing of it can be read.
 * @throws DamagedObject, UnusableExport
 */
export async function foldAccount(
  set: BackupSet,
  line: UserLine,
  { until, onDamage }: FoldLineOptions,
): Promise<FoldedAccount | undefined> {
  const fold = new ExportFold(line.account, until);
  try {
    for await (const [pack, octets] of readAhead(line.packs, (one) => set.read(one))) {
      for (const { kind, raw } of entriesIn(pack.name, octets)) if (kind !== 'message') fold.add({ kind, raw });
    }
  } catch (error) {
    const sentence = damageIn(error);
    if (onDamage === undefined || sentence === undefined) throw error;
    onDamage(`user ${line.username}: ${sentence}; of the journal what comes before is used`);
  }
  try {
    return fold.end();
  } catch (error) {
    const sentence = damageIn(error);
    if (onDamage === undefined || sentence === undefined) throw error;
    onDamage(`user ${line.username}: ${sentence}`);
    return undefined;
  }
}

/** Those of the account's messages that are wanted, each once. @param onDamage as for foldAccount */
export async function* readMessages(
  set: BackupSet,
  line: UserLine,
  wanted: ReadonlySet<MessageId>,
  onDamage?: (sentence: string) => void,
): AsyncGenerator<CarriedMessage, void, undefined> {
  const met = new Set<MessageId>();
  // What was packed twice was not whole the first time.
  const packs = readAhead(line.packs.toReversed(), (pack) => entriesOr(set, line, pack, onDamage));
  for await (const [, entries] of packs) {
    for (const entry of entries) {
      if (entry.kind !== 'message') continue;
      const message = describeMessage(entry.raw);
      if (!wanted.has(message.messageId) || met.has(message.messageId)) continue;
      met.add(message.messageId);
      yield message;
    }
  }
}

async function entriesOr(
  set: BackupSet,
  line: UserLine,
  pack: UserLine['packs'][number],
  onDamage: ((sentence: string) => void) | undefined,
): Promise<PackEntry[]> {
  try {
    return [...entriesIn(pack.name, await set.read(pack))];
  } catch (error) {
    const sentence = damageIn(error);
    if (onDamage === undefined || sentence === undefined) throw error;
    onDamage(`user ${line.username}: ${sentence}`);
    return [];
  }
}
