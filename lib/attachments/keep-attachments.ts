import type { ContentCipher } from '../encryption/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import { MailError } from '../kernel/errors.ts';
import type { AttachmentId } from '../kernel/ids.ts';
import type { AttachmentCollection } from './attachment-collection.ts';
import type { AttachmentFileCollection } from './attachment-file-collection.ts';
import type { AttachmentRefCollection } from './attachment-ref-collection.ts';
import type { AttachmentOwner, AttachmentSource, KeptAttachments } from './attachments.ts';
import { deleteUnlessNamed } from './delete-unless-named.ts';
import { GatheredFiles } from './gathered-files.ts';
import { writeAttachment } from './write-attachment.ts';

/** How often a row may vanish under a writer who has its ref in place before the writer gives up. */
const ROUNDS = 8;
/** Files that are written together: at most so many, of so many octets together, each of so many. */
const GROUP_FILES = 32;
const GROUP_OCTETS = 2 * 1024 * 1024;
const SMALL_OCTETS = 256 * 1024;
const GROUPS_AT_ONCE = 4;

export interface AttachmentCollections {
  readonly rows: AttachmentCollection;
  readonly refs: AttachmentRefCollection;
  readonly files: AttachmentFileCollection;
}

/**
 * Keeps attachments. The ref comes first, then the look at the row: a sweep that saw no ref has condemned the row
 * before that look and must then find it still condemned to delete it. So either the condemnation is lifted here, or
 * the row is gone here and its octets are uploaded anew.
 */
export class AttachmentKeeper {
  readonly #collections: AttachmentCollections;
  readonly #clock: Clock;
  readonly #cipher: ContentCipher | undefined;
  /** Uploads under way in this process, so that recipients of one message do not upload the same octets each. */
  readonly #uploads = new Map<AttachmentId, Promise<void>>();

  constructor(collections: AttachmentCollections, clock: Clock, cipher?: ContentCipher) {
    this.#collections = collections;
    this.#clock = clock;
    this.#cipher = cipher;
  }

  async keep(owner: AttachmentOwner, token: Buffer, sources: readonly AttachmentSource[]): Promise<void> {
    await this.#keep([{ owner, token, sources }], async (missing) => {
      for (const source of missing) await this.#upload(source);
    });
  }

  async keepTogether(kept: readonly KeptAttachments[]): Promise<void> {
    await this.#keep(kept, (missing) => this.#uploadTogether(missing));
  }

  async #keep(
    kept: readonly KeptAttachments[],
    upload: (missing: readonly AttachmentSource[]) => Promise<void>,
  ): Promise<void> {
    const wanted = new Map(kept.flatMap(({ sources }) => sources).map((source) => [source.id, source]));
    if (wanted.size === 0) return;
    const refs = kept.flatMap(({ owner, token, sources }) =>
      [...new Set(sources.map(({ id }) => id))].map((attachment) => ({ attachment, owner, token })),
    );
    await this.#collections.refs.put(refs, this.#clock.now());
    crashPoint('attachment.refs-put');
    for (let round = 0; round < ROUNDS; round += 1) {
      const missing = await this.#missing([...wanted.keys()]);
      if (missing.length === 0) return;
      const sources = missing.map((id) => wanted.get(id));
      await upload(sources.filter((source) => source !== undefined));
    }
    throw new MailError('unavailable', 'Storage is busy, please try again', { retryAfterMs: 5000 });
  }

  async share(owner: AttachmentOwner, token: Buffer, ids: readonly AttachmentId[]): Promise<void> {
    if (ids.length === 0) return;
    const wanted = [...new Set(ids)];
    await this.#collections.refs.put(
      wanted.map((attachment) => ({ attachment, owner, token })),
      this.#clock.now(),
    );
    for (let round = 0; round < 2; round += 1) {
      if ((await this.#missing(wanted)).length === 0) return;
    }
    throw new MailError('attachment-not-found', 'An attachment of this message is not there');
  }

  /** Lifts condemnations; then the ids without a row, which may be some whose row went before it was lifted. */
  async #missing(ids: readonly AttachmentId[]): Promise<AttachmentId[]> {
    const rows = await this.#collections.rows.find(ids);
    const condemned = rows.filter((row) => row.condemned !== undefined).map((row) => row.id);
    if (condemned.length === 0) return without(ids, rows);
    await this.#collections.rows.lift(condemned);
    return without(ids, await this.#collections.rows.find(ids));
  }

  /** Small ones some at a time, in groups of bounded octets; each of the others alone. */
  async #uploadTogether(missing: readonly AttachmentSource[]): Promise<void> {
    const isSmall = ({ id, size }: AttachmentSource): boolean => size <= SMALL_OCTETS && !this.#uploads.has(id);
    const groups = groupsOf(missing.filter(isSmall)).values();
    const lane = async (): Promise<void> => {
      for (const group of groups) await this.#uploadGroup(group);
    };
    await Promise.all(Array.from({ length: GROUPS_AT_ONCE }, lane));
    for (const source of missing) if (!isSmall(source)) await this.#upload(source);
  }

  async #uploadGroup(sources: readonly AttachmentSource[]): Promise<void> {
    const files = new GatheredFiles(this.#collections.files);
    const rows = await Promise.all(
      sources.map(async (source) => ({
        id: source.id,
        condemned: undefined,
        ...(await writeAttachment(files, source, { cipher: this.#cipher })),
      })),
    );
    await files.write();
    // As with a single one: where the outcome is unknown the files stay.
    for (const { id, file } of await this.#collections.rows.insertMany(rows))
      await deleteUnlessNamed(this.#collections, id, file);
  }

  async #upload(source: AttachmentSource): Promise<void> {
    const running = this.#uploads.get(source.id);
    if (running !== undefined) {
      // Whatever comes of it, the caller looks again.
      await running.catch(() => undefined);
      return;
    }
    const upload = this.#uploadAlone(source);
    this.#uploads.set(source.id, upload);
    try {
      await upload;
    } finally {
      this.#uploads.delete(source.id);
    }
  }

  async #uploadAlone(source: AttachmentSource): Promise<void> {
    const written = await writeAttachment(this.#collections.files, source, { cipher: this.#cipher });
    // Where the outcome of this insert is unknown the file stays: a row may name it. The sweep settles it.
    const isTheOne = await this.#collections.rows.insert({ id: source.id, condemned: undefined, ...written });
    crashPoint('attachment.row-inserted');
    if (!isTheOne) await deleteUnlessNamed(this.#collections, source.id, written.file);
  }
}

function groupsOf(sources: readonly AttachmentSource[]): AttachmentSource[][] {
  const groups: AttachmentSource[][] = [];
  let octets = 0;
  for (const source of sources) {
    const group = groups.at(-1);
    if (group === undefined || group.length >= GROUP_FILES || octets + source.size > GROUP_OCTETS) {
      groups.push([source]);
      octets = 0;
    } else group.push(source);
    octets += source.size;
  }
  return groups;
}

function without(ids: readonly AttachmentId[], rows: readonly { readonly id: AttachmentId }[]): AttachmentId[] {
  const found = new Set(rows.map((row) => row.id));
  return ids.filter((id) => !found.has(id));
}
