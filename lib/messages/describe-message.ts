import type { ZonedTime } from '../kernel/clock.ts';
import type { MessageId } from '../kernel/ids.ts';
import {
  decodeCharset,
  decodeTransfer,
  filenameOf,
  firstField,
  htmlToText,
  parameterText,
  preview,
  readDateTime,
  unfold,
  type MimePart,
} from '../mime/index.ts';
import { readFields } from './hot-fields.ts';
import { messageIdHashOf, threadOf } from './message-id.ts';
import type { ReadMessage } from './read-message.ts';

/** What lists and threads need to know of a message; fixed in the document first written. */
export interface MessageDescription {
  readonly thread: MessageId;
  readonly messageIdHash: Buffer | undefined;
  readonly sentAt: ZonedTime | undefined;
  readonly preview: string;
  readonly hasAttachments: boolean;
}

/** Octets of a body read for its preview; HTML has much that is no text. */
const PREVIEW_OCTETS = { plain: 16 * 1024, html: 64 * 1024 };

export async function describeMessage(message: ReadMessage): Promise<MessageDescription> {
  const header = readFields(message.scanned.parts[0]?.headerOctets ?? Buffer.alloc(0));
  const text = (name: string): string | undefined => {
    const field = firstField(header, name);
    return field === undefined ? undefined : unfold(field.value);
  };
  const messageId = text('message-id');
  const date = text('date');
  return {
    thread: threadOf(text('references'), text('in-reply-to'), messageId, message.dataHash),
    messageIdHash: messageIdHashOf(messageId),
    sentAt: date === undefined ? undefined : readDateTime(date),
    preview: await previewOf(message),
    hasAttachments: message.scanned.parts.some((part) => isAttachment(part, message.scanned.parts)),
  };
}

/** Of the first HTML body, else of the first plain one: what a reader sees first. */
async function previewOf(message: ReadMessage): Promise<string> {
  const part = bodyOf(message.scanned.parts, 'html') ?? bodyOf(message.scanned.parts, 'plain');
  if (part === undefined) return '';
  const isHtml = part.subtype === 'html';
  const end = Math.min(part.bodyEnd, part.bodyStart + (isHtml ? PREVIEW_OCTETS.html : PREVIEW_OCTETS.plain));
  const pieces: Buffer[] = [];
  for await (const piece of message.spool.read(part.bodyStart, end)) pieces.push(Buffer.from(piece));
  const text = decodeCharset(
    decodeTransfer(Buffer.concat(pieces), part.encoding),
    parameterText(part.parameters, 'charset'),
  );
  return preview(isHtml ? htmlToText(text) : text);
}

function bodyOf(parts: readonly MimePart[], subtype: string): MimePart | undefined {
  return parts.find(
    (part) =>
      part.kind === 'leaf' &&
      part.type === 'text' &&
      part.subtype === subtype &&
      part.disposition?.value !== 'attachment' &&
      !isEmbedded(part, parts),
  );
}

/** Inside a message that is itself a part. */
function isEmbedded(part: MimePart, parts: readonly MimePart[]): boolean {
  for (let parent = parts[part.parent]; parent !== undefined; parent = parts[parent.parent]) {
    if (parent.kind === 'message' && parent.index !== 0) return true;
  }
  return false;
}

/** What a reader would call one: not the text, not the pictures in it, not the signature of it. */
function isAttachment(part: MimePart, parts: readonly MimePart[]): boolean {
  if (part.kind === 'multipart' || isEmbedded(part, parts)) return false;
  const disposition = part.disposition?.value;
  if (disposition === 'attachment') return true;
  const parent = parts[part.parent];
  if (parent?.kind === 'multipart' && parent.subtype === 'related') return false;
  if (part.subtype === 'pgp-signature' || part.subtype.endsWith('pkcs7-signature')) return false;
  if (part.type === 'text') return filenameOf(part) !== undefined;
  return part.index !== 0 || part.kind !== 'message';
}
