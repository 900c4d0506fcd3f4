import { createHash } from 'node:crypto';
import type { MessageId } from '../../../lib/kernel/ids.ts';
import type { StoredPart } from '../../../lib/messages/index.ts';

/** Names for parts that have none, by type; anything else is `.bin`. */
const EXTENSIONS: ReadonlyMap<string, string> = new Map([
  ['application/json', 'json'],
  ['application/msword', 'doc'],
  ['application/pdf', 'pdf'],
  ['application/pgp-encrypted', 'asc'],
  ['application/pgp-signature', 'asc'],
  ['application/pkcs7-mime', 'p7m'],
  ['application/pkcs7-signature', 'p7s'],
  ['application/xml', 'xml'],
  ['application/zip', 'zip'],
  ['audio/mpeg', 'mp3'],
  ['image/gif', 'gif'],
  ['image/jpeg', 'jpg'],
  ['image/png', 'png'],
  ['image/svg+xml', 'svg'],
  ['image/webp', 'webp'],
  ['message/delivery-status', 'txt'],
  ['message/rfc822', 'eml'],
  ['text/calendar', 'ics'],
  ['text/css', 'css'],
  ['text/csv', 'csv'],
  ['text/html', 'html'],
  ['text/plain', 'txt'],
  ['text/rfc822-headers', 'txt'],
  ['text/vcard', 'vcf'],
  ['video/mp4', 'mp4'],
]);

/** A part that is not shown as text. */
export interface AttachmentPart {
  /** `ATT00001`, in order of appearance. */
  readonly id: string;
  readonly part: StoredPart;
  readonly filename: string;
  /** Belongs to the text, as a picture in it. */
  readonly isRelated: boolean;
}

/** Whether a leaf is text to be read, unless it says that it is a file. */
export function isReadableText(part: StoredPart): boolean {
  return (
    part.kind === 'leaf' &&
    part.type === 'text' &&
    (part.subtype === 'plain' || part.subtype === 'html') &&
    part.disposition !== 'attachment'
  );
}

/** Attachments in order; an embedded message is one, whatever is in it. */
export function attachmentsOf(messageId: MessageId, parts: readonly StoredPart[]): readonly AttachmentPart[] {
  const attachments: AttachmentPart[] = [];
  const waiting = parts.slice(0, 1);
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    if (part.kind === 'multipart') {
      for (const child of part.children.toReversed()) {
        const found = parts[child];
        if (found !== undefined) waiting.push(found);
      }
    } else if (!isReadableText(part)) {
      const parent = parts[part.parent];
      attachments.push({
        id: `ATT${String(attachments.length + 1).padStart(5, '0')}`,
        part,
        filename: readableName(part.filename) ?? inventName(messageId, part),
        isRelated: parent?.subtype === 'related' && parent.children[0] !== part.index,
      });
    }
  }
  return attachments;
}

/** Without controls: clients put names into headers and onto disks. */
function readableName(filename: string | undefined): string | undefined {
  const readable = filename?.replace(/\p{Cc}+/gu, ' ').trim();
  return readable === '' ? undefined : readable;
}

/** The same every time, for clients keep it. */
function inventName(messageId: MessageId, part: StoredPart): string {
  const name = createHash('sha256').update(`${messageId} ${part.index}`).digest('hex').slice(0, 8);
  return `${name}.${EXTENSIONS.get(`${part.type}/${part.subtype}`) ?? 'bin'}`;
}

export function toAttachment({ id, part, filename, isRelated }: AttachmentPart) {
  const size = part.bodyEnd - part.bodyStart;
  return {
    id,
    filename,
    contentType: `${part.type}/${part.subtype}`,
    disposition: part.disposition ?? (false as const),
    transferEncoding: part.encoding.toLowerCase(),
    cid: part.contentId ?? null,
    related: isRelated,
    // Base64 in lines of 76: 57 octets in 78.
    sizeKb: Math.ceil((part.encoding.toLowerCase() === 'base64' ? (size * 57) / 78 : size) / 1024),
    size,
  };
}
