import type { Attachments } from '../attachments/index.ts';
import type { Logger } from '../kernel/logger.ts';
import { createMimeScanner, type ScannedMessage } from '../mime/index.ts';
import type { MessageCollection } from './message-collection.ts';
import type { MessageKey } from './message-document.ts';
import type { MessageRecord, Rendering, StoredRendering } from './message-record.ts';
import type { MessageRenderer } from './messages.ts';
import { ContentReader, openReferenced } from './read-content.ts';
import { NO_SINK } from './read-message.ts';
import { renderMessage, splitRendering, storeRendering, versionOf } from './render-message.ts';

export interface RenderingParts {
  readonly messages: MessageCollection;
  readonly attachments: Attachments;
  readonly renderer: MessageRenderer;
  readonly logger: Logger;
}

/** Fetches what was rendered, and renders again what another version has made. */
export class Renderings {
  readonly #parts: RenderingParts;

  constructor(parts: RenderingParts) {
    this.#parts = parts;
  }

  /** Of the renderer at work. */
  get version(): number {
    return this.#parts.renderer.version;
  }

  isStale(stored: StoredRendering): boolean {
    return versionOf(stored) !== this.version;
  }

  /** Of a rendering that is not stale. */
  async fetch(stored: StoredRendering): Promise<Rendering> {
    if (stored.kind === 'inline') return stored.rendering;
    const attachment = await openReferenced(this.#parts.attachments, stored.attachment);
    const pieces: Buffer[] = [];
    for await (const piece of attachment.read(0, attachment.size)) pieces.push(piece);
    return splitRendering(stored, Buffer.concat(pieces));
  }

  /** From the stored octets; kept for the next reader, where that succeeds. */
  async renew(record: MessageRecord): Promise<Rendering> {
    const { renderer, attachments, messages, logger } = this.#parts;
    const reader = new ContentReader(record, attachments);
    const rendering = renderMessage(await scan(reader.read(record.prefix.length, record.size)), renderer, logger);
    const key: MessageKey = { account: record.account, messageId: record.messageId };
    // A newer version's is left for those who made it: two versions at work side by side would never come to rest.
    if (versionOf(record.rendered) > renderer.version) return rendering;
    try {
      const { stored, source } = storeRendering(rendering);
      await attachments.keep(key, record.refToken, source === undefined ? [] : [source]);
      await messages.replaceRendering(record, versionOf(record.rendered), stored);
    } catch (error) {
      logger.warn({ error, ...key }, 'a new rendering was not kept');
    }
    return rendering;
  }
}

async function scan(octets: AsyncIterable<Buffer>): Promise<ScannedMessage> {
  const scanner = createMimeScanner(NO_SINK);
  for await (const piece of octets) scanner.write(piece);
  return scanner.end();
}
