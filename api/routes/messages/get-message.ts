import { z } from 'zod';
import { recipientView } from '../../../lib/addresses/index.ts';
import { SystemFlag, type MessageRow } from '../../../lib/journal/index.ts';
import type { MessageContent, MessageDigest } from '../../../lib/messages/index.ts';
import type { UserRequest } from '../../http/api-request.ts';
import { defineUserRoute } from '../../http/define-route.ts';
import { dataOutput, flag } from '../../http/schemas.ts';
import { attachmentsOf, toAttachment, type AttachmentPart } from './attachment-list.ts';
import { HeaderValues } from './header-values.ts';
import { messagePath, openContent, requireRow, withMailbox } from './mailbox-access.ts';
import {
  address,
  attachment,
  contentType,
  flagsOutput,
  isEncrypted,
  toAddresses,
  toContentType,
  toFlags,
  toSender,
  toTime,
} from './message-fields.ts';
import { readMessageText, replaceContentIds } from './message-text.ts';

const recipient = z.object({ value: z.string(), formatted: z.string() });
const uri = z.object({ address: z.string(), name: z.string() });

export const getMessage = defineUserRoute({
  method: 'GET',
  path: '/users/:user/mailboxes/:mailbox/messages/:message',
  summary: 'One message, parsed; its HTML is as it was sent and must be cleaned before it is shown',
  access: { resource: 'messages', action: 'read' },
  input: { ...messagePath, replaceCidLinks: flag().default(false), markAsSeen: flag().default(false) },
  output: {
    id: z.number(),
    mailbox: z.string(),
    user: z.string(),
    envelope: z.object({ from: z.string(), rcpt: z.array(recipient) }),
    thread: z.string(),
    from: address.optional(),
    replyTo: z.array(address).optional(),
    to: z.array(address).optional(),
    cc: z.array(address).optional(),
    bcc: z.array(address).optional(),
    subject: z.string(),
    messageId: z.string(),
    date: z.string().nullable(),
    idate: z.string().nullable(),
    list: z.object({ id: uri.optional(), unsubscribe: z.array(uri).optional() }).optional(),
    size: z.number(),
    ...flagsOutput,
    html: z.array(z.string()).optional(),
    text: z.string(),
    attachments: z.array(attachment),
    references: z.array(z.string()),
    contentType,
    encrypted: z.literal(true).optional(),
    metaData: dataOutput,
  },
  handler: (input, request) =>
    withMailbox(request, input.mailbox, async (mailbox) => {
      const { services, user } = request;
      const found = requireRow(mailbox, input.message);
      const content = await openContent(request, found);
      let digest: MessageDigest | undefined;
      for await (const one of services.messages.digests(user.account, [found.messageId])) digest = one;
      if (input.markAsSeen) {
        await mailbox.storeFlags([{ from: found.uid, to: found.uid }], {
          mode: 'add',
          flags: { system: SystemFlag.seen, keywords: [] },
        });
      }
      const row = mailbox.row(found.uid) ?? found;
      return {
        id: row.uid,
        mailbox: mailbox.id,
        user: user.id,
        thread: row.thread,
        date: row.sentDate === undefined ? null : toTime(row.sentDate.at),
        idate: toTime(row.internalDate.at),
        size: row.size,
        ...toFlags(row),
        ...describeHeader(new HeaderValues(digest?.headers ?? Buffer.alloc(0))),
        ...(await describeContent(
          request,
          content,
          row,
          input.replaceCidLinks ? `/users/${user.id}/mailboxes/${mailbox.id}/messages/${row.uid}` : undefined,
        )),
        contentType: toContentType(content.parts[0]),
        ...(isEncrypted(content.parts[0]) && { encrypted: true as const }),
        metaData: {},
      };
    }),
});

function describeHeader(header: HeaderValues) {
  const lists = (['to', 'cc', 'bcc'] as const).flatMap((name) => {
    const list = header.addresses(name);
    return list === undefined ? [] : [[name, toAddresses(list)] as const];
  });
  const replyTo = header.addresses('reply-to');
  const delivered = header.text('delivered-to');
  const list = describeList(header);
  return {
    envelope: {
      from: header.addresses('return-path')?.[0]?.address ?? '',
      rcpt: delivered === undefined ? [] : [{ value: delivered, formatted: recipientView(delivered) ?? delivered }],
    },
    ...toSender(header),
    ...(replyTo !== undefined && { replyTo: toAddresses(replyTo) }),
    ...(Object.fromEntries(lists) as Partial<Record<'to' | 'cc' | 'bcc', ReturnType<typeof toAddresses>>>),
    subject: header.text('subject') ?? '',
    messageId: header.raw('message-id') ?? '',
    references: header.messageIds('references'),
    ...(list !== undefined && { list }),
  };
}

/** RFC 2919 List-Id and RFC 2369 List-Unsubscribe. */
function describeList(header: HeaderValues) {
  const id = header.text('list-id');
  const unsubscribe = header.uris('list-unsubscribe');
  if (id === undefined && unsubscribe.length === 0) return undefined;
  const [, name = '', inBrackets] = /^([^<]*)<([^<>]*)>/.exec(id ?? '') ?? [];
  return {
    ...(id !== undefined && {
      id: { address: (inBrackets ?? id).trim(), name: name.trim().replace(/^"(.*)"$/, '$1') },
    }),
    ...(unsubscribe.length > 0 && { unsubscribe: unsubscribe.map((text) => ({ address: text, name: '' })) }),
  };
}

/** @param base path of the message where links are wanted that the API itself answers */
async function describeContent(
  { signal }: UserRequest,
  content: MessageContent,
  row: MessageRow,
  base: string | undefined,
) {
  signal.throwIfAborted();
  const attachments = attachmentsOf(row.messageId, content.parts);
  const { html, text } = await readMessageText(content);
  const links = linksOf(attachments, base);
  return {
    ...(html.length > 0 && { html: html.map((one) => replaceContentIds(one, links)) }),
    text: replaceContentIds(text, links),
    attachments: attachments.map(toAttachment),
  };
}

function linksOf(attachments: readonly AttachmentPart[], base: string | undefined): ReadonlyMap<string, string> {
  const links = new Map<string, string>();
  for (const { id, part } of attachments) {
    const cid = part.contentId?.trim().replace(/^<(.*)>$/, '$1');
    if (cid !== undefined && cid !== '')
      links.set(cid, base === undefined ? `attachment:${id}` : `${base}/attachments/${id}`);
  }
  return links;
}
