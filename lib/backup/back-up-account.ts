import type { CarriedUser } from '../accounts/index.ts';
import { MailError } from '../kernel/errors.ts';
import type { AccountId, MessageId } from '../kernel/ids.ts';
import { AccountIndex } from './account-index.ts';
import type { AttachmentArchive } from './attachment-archive.ts';
import type { BackupRooms } from './backup-rooms.ts';
import type { BackupSet } from './backup-set.ts';
import type { UserLine } from './catalogue.ts';
import { nameIn } from './manifest.ts';
import { PackWriter } from './pack.ts';

export interface AccountBackupParts {
  readonly rooms: BackupRooms;
  readonly set: BackupSet;
  readonly archive: AttachmentArchive;
  readonly backupId: string;
  readonly counts: { records: number; messages: number; attachments: number; octets: number; changed: number };
  readonly onProblem: (sentence: string) => void;
  /** Called between two writes. */
  readonly onStep: () => Promise<void>;
  /** Octets of one part of an account's list of content. */
  readonly indexPartOctets?: number;
}

/** Rounds of reading the journal on because what it named was gone; and of an account that changes its log. */
const ROUNDS = 4;
/** What is expunged holds no content here: only live rows count. */
const NEVER = Number.MAX_SAFE_INTEGER;
/** Messages that are looked for in the list of content together. */
const WANTED_AT_ONCE = 200_000;

/**
 * Writes what is new of an account: first its journal, then the content that this journal names. Content is written
 * before the journal names it and outlives an expunge by days, so what is read in this order fits together, whatever
 * happens to the account meanwhile.
 * @param previous the account as the backup holds it already
 * @returns undefined where the user has been removed meanwhile
 */
export async function backUpAccount(
  parts: AccountBackupParts,
  user: CarriedUser,
  previous: UserLine | undefined,
): Promise<UserLine | undefined> {
  let current: CarriedUser | undefined = user;
  for (let round = 0; round < ROUNDS; round += 1) {
    const line = await backUpLog(parts, current, previous?.account === current.account ? previous : undefined);
    const after = await parts.rooms.users.find(user.id);
    if (after === undefined) return undefined;
    if (after.account === current.account && line !== undefined)
      return { ...line, row: after.row, addresses: await parts.rooms.addresses.read(user.id) };
    current = after;
  }
  throw new MailError('unavailable', `The account of ${user.username} keeps changing`);
}

type LogLine = Omit<UserLine, 'row' | 'addresses'>;

/** Undefined where the log was closed meanwhile. */
async function backUpLog(
  parts: AccountBackupParts,
  { id, username, account }: CarriedUser,
  last: UserLine | undefined,
): Promise<LogLine | undefined> {
  const { rooms, set } = parts;
  const at = rooms.clock.now();
  const isKnown = last !== undefined && (await rooms.journal.goesThrough(account, last.q, last.mark));
  const previous = isKnown ? last : undefined;
  if (previous !== undefined && (await rooms.journal.lastQ(account)) === previous.q && previous.lacking.length === 0)
    return { ...previous, username, at };
  parts.counts.changed += 1;
  const nameOfPart = (number: number): string => nameOf(parts, id, `index-${String(number).padStart(6, '0')}`);
  const index = await AccountIndex.open(set, nameOfPart, previous?.index ?? [], parts.indexPartOctets);
  const packs = new PackWriter(set, (number) => nameOf(parts, id, String(number).padStart(6, '0')));
  const underWay = { username, account, packs, index };
  /** What was not to be had when it was looked for. */
  const wanted = new Set<MessageId>(previous?.lacking);
  let end: JournalPlace = previous ?? { q: 0, mark: '' };
  let lacking: readonly MessageId[] = [];
  for (let round = 0; ; round += 1) {
    end = await readOn(parts, underWay, end, wanted);
    const live = await liveOf(rooms, account, [...wanted]);
    if (live === undefined) return undefined;
    lacking = live;
    // What is gone and not live has been expunged since: by a record that the backup must then have too.
    if (lacking.length === wanted.size || (await rooms.journal.lastQ(account)) === end.q) break;
    if (round === ROUNDS) break;
  }
  for (const messageId of lacking) parts.onProblem(lackingSentence(username, messageId));
  const written = await packs.finish();
  parts.counts.octets += written.reduce((sum, { octets }) => sum + octets, 0);
  const content = await index.finish();
  parts.counts.octets += content.octets;
  const all = [...(previous?.packs ?? []), ...written];
  return {
    kind: 'user',
    id,
    username,
    account,
    q: end.q,
    mark: end.mark,
    at,
    packs: all,
    index: content.parts,
    lacking,
  };
}

type JournalPlace = Pick<UserLine, 'q' | 'mark'>;

/**
 * Packs the journal after a place, and the messages that it names.
 * @param wanted looked for too; afterwards all that is not to be had
 * @returns up to where it was read
 */
async function readOn(
  parts: AccountBackupParts,
  underWay: AccountUnderWay,
  { q, mark }: JournalPlace,
  wanted: Set<MessageId>,
): Promise<JournalPlace> {
  let end = { q, mark };
  const fresh = new Set<MessageId>();
  const packFresh = async (): Promise<void> => {
    await packMessages(parts, underWay, fresh);
    for (const messageId of fresh) wanted.add(messageId);
    fresh.clear();
  };
  await packMessages(parts, underWay, wanted);
  for await (const entry of parts.rooms.journal.read(underWay.account, q)) {
    await underWay.packs.add(entry);
    end = { q: entry.q, mark: entry.mark };
    if (entry.kind === 'record') parts.counts.records += 1;
    for (const messageId of entry.messageIds) if (!wanted.has(messageId)) fresh.add(messageId);
    await parts.onStep();
    if (fresh.size >= WANTED_AT_ONCE) await packFresh();
  }
  await packFresh();
  return end;
}

export function lackingSentence(username: string, messageId: MessageId): string {
  return `user ${username}: content of message ${messageId} is missing in the store`;
}

interface AccountUnderWay {
  readonly username: string;
  readonly account: AccountId;
  readonly packs: PackWriter;
  readonly index: AccountIndex;
}

/**
 * Packs those of the messages that are new and there, their attachments before them; takes them out of `wanted`, and
 * what the backups hold already.
 */
async function packMessages(
  parts: AccountBackupParts,
  { username, account, packs, index }: AccountUnderWay,
  wanted: Set<MessageId>,
): Promise<void> {
  const { rooms, archive, counts } = parts;
  await index.takeOut(wanted);
  for await (const message of rooms.messages.read(account, [...wanted])) {
    let isWhole = true;
    for (const id of message.attachments) {
      if (index.hasAttachment(id)) continue;
      const archived = await archive.keep(rooms.attachments, id);
      if (archived.kind === 'lacking') {
        parts.onProblem(`user ${username}, message ${message.messageId}: attachment ${id}: ${archived.reason}`);
        isWhole = false;
        continue;
      }
      await index.addAttachment(id, archived.size);
      if (archived.isNew) counts.attachments += 1;
      counts.octets += archived.octets;
      await parts.onStep();
    }
    await packs.add({ kind: 'message', raw: message.raw });
    counts.messages += 1;
    // What is not whole is looked for again by the next backup.
    if (isWhole) {
      await index.addMessage(message.messageId);
      wanted.delete(message.messageId);
    }
    await parts.onStep();
  }
}

/** Those of the messages that a live row names now; undefined where the log is closed. */
async function liveOf(
  { mailboxes }: BackupRooms,
  account: AccountId,
  messageIds: readonly MessageId[],
): Promise<readonly MessageId[] | undefined> {
  if (messageIds.length === 0) return [];
  try {
    const live = await mailboxes.isLive(account, messageIds, NEVER);
    return messageIds.filter((_, position) => live[position] === true);
  } catch (error) {
    if (error instanceof MailError && error.code === 'user-not-found') return undefined;
    throw error;
  }
}

function nameOf({ backupId }: AccountBackupParts, user: string, name: string): string {
  return nameIn(backupId, `users/${user}/${name}`);
}
