import { createHash } from 'node:crypto';
import type { AttachmentSource } from '../attachments/index.ts';
import type { AttachmentId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { MimePart, ScannedMessage } from '../mime/index.ts';
import { hotFieldsOf, readFields } from './hot-fields.ts';
import type { Rendering, StoredRendering } from './message-record.ts';
import type { MessageRenderer } from './messages.ts';
import { encodeParts } from './part-table.ts';

/** Octets of a rendering that a document holds: lists read hundreds of documents at once. */
const INLINE_OCTETS = 32 * 1024;

/**
 * Everything that is made from the octets as received; the prefix plays no part, so recipients share it. What cannot be
 * rendered is rendered as one part without structure: mail is never refused for its form.
 */
export function renderMessage(scanned: ScannedMessage, renderer: MessageRenderer, logger: Logger): Rendering {
  try {
    return render(scanned, renderer);
  } catch (error) {
    logger.error({ error, size: scanned.size }, 'a message could not be rendered and is kept without structure');
    return render(flat(scanned), renderer);
  }
}

function flat(scanned: ScannedMessage): ScannedMessage {
  const root: MimePart = {
    index: 0,
    parent: -1,
    children: [],
    section: '',
    kind: 'leaf',
    headerStart: 0,
    bodyStart: scanned.parts[0]?.bodyStart ?? 0,
    bodyEnd: scanned.size,
    bodyLines: 0,
    type: 'application',
    subtype: 'octet-stream',
    parameters: new Map(),
    encoding: 'binary',
    encodingName: 'BINARY',
    contentId: undefined,
    description: undefined,
    md5: undefined,
    disposition: undefined,
    language: undefined,
    location: undefined,
    headerOctets: Buffer.alloc(0),
  };
  return { ...scanned, parts: [root], isTruncated: true };
}

function render(scanned: ScannedMessage, renderer: MessageRenderer): Rendering {
  const block = scanned.parts[0]?.headerOctets ?? Buffer.alloc(0);
  const hot = hotFieldsOf(block, readFields(block), scanned.isTruncated);
  return {
    version: renderer.version,
    ...renderer.render(scanned),
    headers: hot.octets,
    hasAllHeaders: hot.isComplete,
    parts: encodeParts(scanned.parts),
  };
}

/** How a rendering is stored, with the attachment where it is too large for the document. */
export function storeRendering(rendering: Rendering): {
  readonly stored: StoredRendering;
  readonly source: AttachmentSource | undefined;
} {
  const pieces = piecesOf(rendering);
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (size <= INLINE_OCTETS) return { stored: { kind: 'inline', rendering }, source: undefined };
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  const id = hash.digest('hex') as AttachmentId;
  const { version, hasAllHeaders } = rendering;
  const lengths = pieces.map((piece) => piece.length);
  return {
    stored: { kind: 'attachment', version, hasAllHeaders, attachment: id, lengths },
    source: { id, size, type: 'message/rendering', read: () => inTurn(pieces) },
  };
}

/** Undoes what `storeRendering` did to a large one. @param octets the attachment's */
export function splitRendering(stored: StoredRendering & { readonly kind: 'attachment' }, octets: Buffer): Rendering {
  let position = 0;
  const next = (index: number): Buffer => {
    const piece = octets.subarray(position, position + (stored.lengths[index] ?? 0));
    position += piece.length;
    return piece;
  };
  const { version, hasAllHeaders } = stored;
  return {
    version,
    hasAllHeaders,
    envelope: next(0),
    bodyStructure: next(1),
    body: next(2),
    headers: next(3),
    parts: next(4),
  };
}

export function versionOf(stored: StoredRendering): number {
  return stored.kind === 'inline' ? stored.rendering.version : stored.version;
}

function piecesOf(rendering: Rendering): Buffer[] {
  return [rendering.envelope, rendering.bodyStructure, rendering.body, rendering.headers, rendering.parts];
}

async function* inTurn(pieces: readonly Buffer[]): AsyncGenerator<Buffer, void, undefined> {
  yield* pieces;
}
