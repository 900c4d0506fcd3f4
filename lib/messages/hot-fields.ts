import { readHeaderFields, type HeaderFields } from '../mime/index.ts';

/** Fields that lists of messages show and sort by, and that clients ask for by name before they open a message. */
const HOT_FIELDS: ReadonlySet<string> = new Set([
  'auto-submitted',
  'bcc',
  'cc',
  'content-type',
  'date',
  'delivered-to',
  'disposition-notification-to',
  'from',
  'importance',
  'in-reply-to',
  'keywords',
  'message-id',
  'newsgroups',
  'precedence',
  'priority',
  'references',
  'reply-to',
  'return-path',
  'sender',
  'subject',
  'to',
  'x-priority',
]);

/** Octets of one message's hot fields; a message with more is read from its content. */
const MAX_OCTETS = 64 * 1024;

const PARSING = { headerOctets: 1024 * 1024, fieldOctets: 256 * 1024, fields: 1000 };

/** Whether a digest's `headers` tell everything about fields of this name (in any case), if they are complete. */
export function isHotField(name: string): boolean {
  const lower = name.toLowerCase();
  return HOT_FIELDS.has(lower) || lower.startsWith('list-');
}

export interface HotFields {
  /** The fields as written, each with its line end. */
  readonly octets: Buffer;
  /** False where some had to be left out. */
  readonly isComplete: boolean;
}

/**
 * The hot fields of a header block, in their order.
 * @param isTruncated whether the block itself lacks something
 */
export function hotFieldsOf(block: Buffer, header: HeaderFields, isTruncated: boolean): HotFields {
  const pieces: Buffer[] = [];
  let octets = 0;
  let isComplete = !isTruncated && !header.isTruncated;
  for (const field of header.fields) {
    if (!isHotField(field.name)) continue;
    if (octets + field.end - field.start > MAX_OCTETS) {
      isComplete = false;
      continue;
    }
    octets += field.end - field.start;
    pieces.push(block.subarray(field.start, field.end));
  }
  const joined = Buffer.concat(pieces);
  // A header without a body may end in mid-line.
  const endsLine = joined.length === 0 || joined[joined.length - 1] === 10;
  return { octets: endsLine ? joined : Buffer.concat([joined, Buffer.from('\r\n')]), isComplete };
}

/** As much of a header block as the room reads. */
export function readFields(block: Buffer): HeaderFields {
  return readHeaderFields(block, PARSING);
}
