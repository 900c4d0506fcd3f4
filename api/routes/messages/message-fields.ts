import { z } from 'zod';
import { SystemFlag, type MessageRow } from '../../../lib/journal/index.ts';
import type { MailboxId } from '../../../lib/kernel/ids.ts';
import { parameterText, type DecodedAddress } from '../../../lib/mime/index.ts';
import type { DigestField, ListedDigest, StoredPart } from '../../../lib/messages/index.ts';
import { dataOutput } from '../../http/schemas.ts';
import { attachmentsOf, toAttachment } from './attachment-list.ts';
import { HeaderValues } from './header-values.ts';

const mailboxAddress = z.object({ name: z.string(), address: z.string() });
export const address = z.union([mailboxAddress, z.object({ name: z.string(), group: z.array(mailboxAddress) })]);

export const attachment = z.object({
  id: z.string(),
  filename: z.string(),
  contentType: z.string(),
  disposition: z.union([z.string(), z.literal(false)]),
  transferEncoding: z.string(),
  cid: z.string().nullable(),
  related: z.boolean(),
  sizeKb: z.number(),
  size: z.number(),
});

export const contentType = z.object({ value: z.string(), params: z.record(z.string(), z.string()).optional() });

export const flagsOutput = {
  seen: z.boolean(),
  deleted: z.boolean(),
  flagged: z.boolean(),
  draft: z.boolean(),
  answered: z.boolean(),
  forwarded: z.boolean(),
};

export const summaryOutput = {
  id: z.number(),
  mailbox: z.string(),
  thread: z.string(),
  from: address.optional(),
  to: z.array(address),
  cc: z.array(address),
  bcc: z.array(address),
  messageId: z.string(),
  subject: z.string(),
  date: z.string().nullable(),
  idate: z.string().nullable(),
  intro: z.string().optional(),
  attachments: z.boolean(),
  attachmentsList: z.array(attachment),
  size: z.number(),
  ...flagsOutput,
  references: z.array(z.string()),
  contentType,
  encrypted: z.literal(true).optional(),
  metaData: dataOutput.optional(),
};

export function toFlags({ flags }: MessageRow) {
  const has = (bit: number): boolean => (flags.system & bit) !== 0;
  const isForwarded = flags.keywords.some((keyword) => keyword.toLowerCase() === '$forwarded');
  return {
    seen: has(SystemFlag.seen),
    deleted: has(SystemFlag.deleted),
    flagged: has(SystemFlag.flagged),
    draft: has(SystemFlag.draft),
    answered: has(SystemFlag.answered) && !isForwarded,
    forwarded: isForwarded,
  };
}

export function toAddress({ name, address, group }: DecodedAddress) {
  if (group === undefined) return { name, address };
  return { name, group: group.map((member) => ({ name: member.name, address: member.address })) };
}

export function toAddresses(list: readonly DecodedAddress[] | undefined) {
  return (list ?? []).map(toAddress);
}

/** Attachments, and addresses of a field, in one line of a list; a message of its own shows them all. */
const MAX_LISTED = 100;

/** What a line of a list takes of a digest. */
export const SUMMARY_FIELDS = ['headers', 'preview', 'parts'] as const satisfies readonly DigestField[];
type SummaryDigest = Pick<ListedDigest, (typeof SUMMARY_FIELDS)[number]>;

/** One line of a list; a digest that is missing leaves what the columns tell. */
export function toSummary(row: MessageRow, mailbox: MailboxId, digest: SummaryDigest | undefined) {
  const header = new HeaderValues(digest?.headers ?? Buffer.alloc(0));
  const attachments = attachmentsOf(row.messageId, digest?.parts ?? []);
  const root = digest?.parts[0];
  return {
    id: row.uid,
    mailbox,
    thread: row.thread,
    ...toSender(header),
    to: toAddresses(header.addresses('to', MAX_LISTED)),
    cc: toAddresses(header.addresses('cc', MAX_LISTED)),
    bcc: toAddresses(header.addresses('bcc', MAX_LISTED)),
    messageId: header.raw('message-id') ?? '',
    subject: header.text('subject') ?? '',
    date: row.sentDate === undefined ? null : toTime(row.sentDate.at),
    idate: toTime(row.internalDate.at),
    ...(digest !== undefined && digest.preview !== '' && { intro: digest.preview }),
    attachments: attachments.some(({ isRelated }) => !isRelated),
    attachmentsList: attachments.slice(0, MAX_LISTED).map(toAttachment),
    size: row.size,
    ...toFlags(row),
    references: header.messageIds('references'),
    contentType: toContentType(root),
    ...(isEncrypted(root) && { encrypted: true as const }),
  };
}

/** From, else Sender, else where the trace fields say it came from. */
export function toSender(header: HeaderValues): { readonly from?: ReturnType<typeof toAddress> } {
  const [first] = header.addresses('from') ?? header.addresses('sender') ?? header.addresses('return-path') ?? [];
  return first === undefined ? {} : { from: toAddress(first) };
}

export function toTime(at: number): string | null {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

export function toContentType(root: StoredPart | undefined) {
  if (root === undefined) return { value: 'text/plain' };
  const params = [...root.parameters.keys()].map((key) => {
    const name = key.replace(/\*$/, '');
    return [name, parameterText(root.parameters, name) ?? ''] as const;
  });
  return {
    value: `${root.type}/${root.subtype}`,
    ...(params.length > 0 && { params: Object.fromEntries(params) }),
  };
}

export function isEncrypted(root: StoredPart | undefined): boolean {
  if (root === undefined) return false;
  const type = `${root.type}/${root.subtype}`;
  if (type === 'application/pkcs7-mime' || type === 'application/x-pkcs7-mime') {
    return (root.parameters.get('smime-type') ?? 'enveloped-data').toLowerCase().includes('enveloped');
  }
  return type === 'multipart/encrypted';
}
