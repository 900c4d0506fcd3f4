import {
  type AppendMessage,
  type ColumnView,
  type CopyResult,
  type FlagChange,
  type FlagSet,
  type MailboxEvent,
  type MailboxInfo,
  type MessageRow,
  SessionError,
  type SpecialUse,
  type UidRanges,
} from '../../../imap-core/index.ts';

type NumberRange = UidRanges[number];

const SEEN = 1;
const DELETED = 8;

/** The account's one counter of changes. */
export interface ModSeqSource {
  modSeq: number;
}

/** One mailbox of a memory account, shared by all sessions that have it open. */
export class MemoryMailbox {
  path: string;
  readonly uidValidity: number;
  readonly specialUse: SpecialUse | undefined;
  isNoselect = false;
  uidNext = 1;
  recentFrom = 1;
  highestModSeq: number;
  keywords: string[] = [];
  #rows: MessageRow[] = [];
  #uids = new Uint32Array(0);
  readonly #source: ModSeqSource;
  readonly listeners = new Set<(event: MailboxEvent) => void>();

  constructor(path: string, uidValidity: number, source: ModSeqSource, specialUse?: SpecialUse) {
    this.path = path;
    this.uidValidity = uidValidity;
    this.specialUse = specialUse;
    this.#source = source;
    this.highestModSeq = source.modSeq;
  }

  info(isSubscribed: boolean): MailboxInfo {
    const count = (bit: number, value: number): number =>
      this.#rows.filter((r) => (r.flags.system & bit) === value).length;
    return {
      path: this.path,
      specialUse: this.specialUse,
      isNoselect: this.isNoselect,
      isSubscribed,
      uidValidity: this.uidValidity,
      uidNext: this.uidNext,
      highestModSeq: this.highestModSeq,
      messages: this.#rows.length,
      unseen: count(SEEN, 0),
      deleted: count(DELETED, DELETED),
      octets: this.#rows.reduce((sum, row) => sum + row.size, 0),
      keywords: this.keywords,
      recent: this.#rows.filter((row) => row.uid >= this.recentFrom).length,
    };
  }

  uids(): Uint32Array {
    return this.#uids;
  }

  row(uid: number): MessageRow | undefined {
    return this.#rows.find((row) => row.uid === uid);
  }

  columns(): ColumnView {
    return columnsOf(this.#rows);
  }

  append(messages: readonly (Pick<AppendMessage, 'flags'> & Omit<MessageRow, 'uid' | 'modseq' | 'flags'>)[]): number[] {
    const modseq = this.#nextModSeq();
    const added = messages.map((message) => {
      const uid = this.uidNext;
      this.uidNext += 1;
      return { ...message, uid, modseq, flags: this.#spell(message.flags) };
    });
    this.#replace([...this.#rows, ...added]);
    this.#tell({ kind: 'appended' });
    return added.map((row) => row.uid);
  }

  storeFlags(
    uids: UidRanges,
    change: FlagChange,
    unchangedSince: number,
  ): { changed: UidRanges; modified: UidRanges; modseq: number } {
    const modseq = this.#nextModSeq();
    const flags = this.#spell(change.flags);
    const changed: NumberRange[] = [];
    const modified: NumberRange[] = [];
    const one = ({ uid }: MessageRow): NumberRange => ({ from: uid, to: uid });
    this.#replace(
      this.#rows.map((row) => {
        if (!isWithin(uids, row.uid)) return row;
        if (row.modseq > unchangedSince) {
          modified.push(one(row));
          return row;
        }
        changed.push(one(row));
        return { ...row, modseq, flags: applyFlags(row.flags, { mode: change.mode, flags }) };
      }),
    );
    if (changed.length > 0) this.#tell({ kind: 'flags-changed', uids: changed });
    return { changed, modified, modseq };
  }

  expunge(uids: UidRanges | undefined, isForced: boolean): number[] {
    const gone = this.#rows.filter(
      (row) => (uids === undefined || isWithin(uids, row.uid)) && (isForced || (row.flags.system & DELETED) !== 0),
    );
    if (gone.length === 0) return [];
    this.#nextModSeq();
    this.#replace(this.#rows.filter((row) => !gone.includes(row)));
    this.#tell({ kind: 'expunged', gone: columnsOf(gone) });
    return gone.map((row) => row.uid);
  }

  copy(uids: UidRanges, target: MemoryMailbox): CopyResult {
    const rows = this.#rows.filter((row) => isWithin(uids, row.uid));
    const targetUids = rows.length === 0 ? [] : target.append(rows);
    return { uidValidity: target.uidValidity, sourceUids: rows.map((row) => row.uid), targetUids };
  }

  rename(path: string): void {
    this.path = path;
    this.#tell({ kind: 'renamed', path });
  }

  deleted(): void {
    this.#tell({ kind: 'deleted' });
  }

  #nextModSeq(): number {
    this.#source.modSeq += 1;
    this.highestModSeq = this.#source.modSeq;
    return this.#source.modSeq;
  }

  #spell(flags: FlagSet): FlagSet {
    const keywords = flags.keywords.map((keyword) => {
      const known = this.keywords.find((candidate) => candidate.toLowerCase() === keyword.toLowerCase());
      if (known === undefined) {
        if (this.keywords.length >= 100) throw new SessionError('LIMIT', 'Too many keywords');
        this.keywords = [...this.keywords, keyword];
      }
      return known ?? keyword;
    });
    return { system: flags.system, keywords };
  }

  #replace(rows: MessageRow[]): void {
    this.#rows = rows;
    this.#uids = Uint32Array.from(rows, (row) => row.uid);
  }

  #tell(event: MailboxEvent): void {
    for (const listener of this.listeners) listener(event);
  }
}

function columnsOf(rows: readonly MessageRow[]): ColumnView {
  const row = (position: number): MessageRow => rows[position]!;
  return {
    count: rows.length,
    uid: (position) => row(position).uid,
    messageId: (position) => row(position).messageId,
    modseq: (position) => row(position).modseq,
    systemFlags: (position) => row(position).flags.system,
    keywords: (position) => row(position).flags.keywords,
    size: (position) => row(position).size,
    internalDate: (position) => row(position).internalDate,
    sentDate: (position) => row(position).sentDate,
    lowerBound: (uid) => {
      const found = rows.findIndex((candidate) => candidate.uid >= uid);
      return found < 0 ? rows.length : found;
    },
  };
}

function isWithin(uids: UidRanges, uid: number): boolean {
  return uids.some(({ from, to }) => uid >= from && uid <= to);
}

function applyFlags(old: FlagSet, { mode, flags }: FlagChange): FlagSet {
  if (mode === 'replace') return flags;
  if (mode === 'add') {
    return { system: old.system | flags.system, keywords: [...new Set([...old.keywords, ...flags.keywords])] };
  }
  return {
    system: old.system & ~flags.system,
    keywords: old.keywords.filter((keyword) => !flags.keywords.includes(keyword)),
  };
}
