import { createHash } from 'node:crypto';
import type { AttachmentSource } from '../attachments/index.ts';
import type { AttachmentId } from '../kernel/ids.ts';
import type { MimePart, ScannedMessage } from '../mime/index.ts';
import { decodeText } from './base64-layout.ts';
import { Base64Reader, type Base64Text } from './base64-reader.ts';
import type { Segment } from './segments.ts';
import type { Spool } from './spool.ts';

/** How a message's octets will be stored. */
export interface ContentPlan {
  readonly segments: readonly Segment[];
  /** Each content once, in the order in which the segments number them. */
  readonly attachments: readonly AttachmentSource[];
  readonly skeleton: SkeletonPlan;
}

/** The literal runs one after another: few octets for the document, or many for an attachment. */
export type SkeletonPlan =
  { readonly kind: 'inline'; readonly octets: Buffer } | { readonly kind: 'attachment'; readonly attachment: number };

/** Octets of literal runs that a document holds; more go to a file. */
const INLINE_OCTETS = 256 * 1024;

/**
 * Octets after a base64 text that are kept beside it as a literal run: blank lines, the footer of a mailing list.
 * With more the part is kept as it came.
 */
const MAX_TRAILER = 1024;

/**
 * Decides what becomes an attachment: each leaf above the threshold, decoded where its base64 text can be written
 * again to the octet, and the skeleton where it is large.
 */
export async function planContent(
  spool: Spool,
  scanned: ScannedMessage,
  attachmentOctets: number,
): Promise<ContentPlan> {
  const plan = new PlanDraft(spool);
  for (const part of largeLeaves(scanned.parts, attachmentOctets)) {
    // Octets of a part that lies in another are kept with that one.
    if (part.bodyStart < plan.position) continue;
    const type = `${part.type}/${part.subtype}`;
    const text = part.encoding === 'base64' ? await readBase64(spool, part) : undefined;
    plan.addLiteral(part.bodyStart);
    if (text === undefined)
      plan.addVerbatim(part.bodyEnd, await hashOf(spool.read(part.bodyStart, part.bodyEnd)), type);
    else plan.addBase64(text, type);
  }
  return plan.finish(scanned.size);
}

/** In the order of their octets. Leaves do not overlap. */
function largeLeaves(parts: readonly MimePart[], attachmentOctets: number): MimePart[] {
  return parts
    .filter(
      (part) =>
        part.kind !== 'multipart' && part.children.length === 0 && part.bodyEnd - part.bodyStart > attachmentOctets,
    )
    .sort((one, other) => one.bodyStart - other.bodyStart);
}

async function readBase64(spool: Spool, part: MimePart): Promise<Base64Text | undefined> {
  const reader = new Base64Reader();
  for await (const octets of spool.read(part.bodyStart, part.bodyEnd)) {
    reader.write(octets);
    if (reader.rest > MAX_TRAILER) return undefined;
  }
  const text = reader.end();
  return text === undefined || part.bodyEnd - part.bodyStart - text.length > MAX_TRAILER ? undefined : text;
}

async function hashOf(octets: AsyncIterable<Buffer>): Promise<AttachmentId> {
  const hash = createHash('sha256');
  for await (const piece of octets) hash.update(piece);
  return hash.digest('hex') as AttachmentId;
}

class PlanDraft {
  readonly #spool: Spool;
  readonly #segments: Segment[] = [];
  readonly #attachments = new Map<AttachmentId, { readonly position: number; readonly source: AttachmentSource }>();
  readonly #literals: { readonly start: number; readonly end: number }[] = [];
  #position = 0;

  constructor(spool: Spool) {
    this.#spool = spool;
  }

  /** Where the next segment begins. */
  get position(): number {
    return this.#position;
  }

  /** Literal up to the offset. */
  addLiteral(end: number): void {
    if (end <= this.#position) return;
    this.#segments.push({ kind: 'literal', length: end - this.#position });
    this.#literals.push({ start: this.#position, end });
    this.#position = end;
  }

  addVerbatim(end: number, id: AttachmentId, type: string): void {
    const start = this.#position;
    const spool = this.#spool;
    const length = end - start;
    const attachment = this.#addAttachment({ id, size: length, type, read: () => spool.read(start, end) });
    this.#segments.push({ kind: 'verbatim', length, attachment });
    this.#position = end;
  }

  addBase64(text: Base64Text, type: string): void {
    const start = this.#position;
    const end = start + text.length;
    const spool = this.#spool;
    const { layout, decodedSize } = text;
    const read = (): AsyncIterable<Buffer> => decodeText(layout, spool.read(start, end));
    const attachment = this.#addAttachment({ id: text.hash as AttachmentId, size: decodedSize, type, read });
    this.#segments.push({ kind: 'base64', length: text.length, attachment, decodedSize, layout });
    this.#position = end;
  }

  async finish(size: number): Promise<ContentPlan> {
    this.addLiteral(size);
    if (this.#position !== size) throw new RangeError(`segments of ${this.#position} octets for a message of ${size}`);
    const skeleton = await this.#planSkeleton();
    const attachments = [...this.#attachments.values()].map((entry) => entry.source);
    return { segments: this.#segments, attachments, skeleton };
  }

  async #planSkeleton(): Promise<SkeletonPlan> {
    const size = this.#literals.reduce((sum, run) => sum + run.end - run.start, 0);
    if (size > INLINE_OCTETS) {
      const read = (): AsyncIterable<Buffer> => this.#readLiterals();
      const source = { id: await hashOf(read()), size, type: 'message/rfc822', read };
      return { kind: 'attachment', attachment: this.#addAttachment(source) };
    }
    const octets = Buffer.allocUnsafe(size);
    let filled = 0;
    for await (const piece of this.#readLiterals()) filled += piece.copy(octets, filled);
    return { kind: 'inline', octets };
  }

  async *#readLiterals(): AsyncGenerator<Buffer, void, undefined> {
    for (const run of this.#literals) yield* this.#spool.read(run.start, run.end);
  }

  #addAttachment(source: AttachmentSource): number {
    const known = this.#attachments.get(source.id);
    if (known !== undefined) return known.position;
    const position = this.#attachments.size;
    this.#attachments.set(source.id, { position, source });
    return position;
  }
}
