import { z } from 'zod';
import { MailError } from '../../../lib/kernel/errors.ts';
import type { MessageContent } from '../../../lib/messages/index.ts';
import { ContentAnswer } from '../../http/api-request.ts';
import { defineUserRoute } from '../../http/define-route.ts';
import { inputError } from '../../http/input-error.ts';
import { flag } from '../../http/schemas.ts';
import { attachmentsOf, type AttachmentPart } from './attachment-list.ts';
import { messagePath, openContent, requireRow, withMailbox } from './mailbox-access.ts';

export const getAttachment = defineUserRoute({
  method: 'GET',
  path: '/users/:user/mailboxes/:mailbox/messages/:message/attachments/:attachment',
  summary: 'An attachment, its transfer encoding undone',
  access: { resource: 'attachments', action: 'read' },
  input: {
    ...messagePath,
    attachment: z.string().regex(/^ATT\d{5}$/i, 'is not an attachment id'),
    sendAsString: flag().optional(),
  },
  output: 'application/octet-stream',
  handler: async (input, request) => {
    if (input.sendAsString === true) throw inputError('sendAsString', 'cannot be true: attachments are sent as octets');
    const row = await withMailbox(request, input.mailbox, async (mailbox) => requireRow(mailbox, input.message));
    const content = await openContent(request, row);
    const id = input.attachment.toUpperCase();
    const found = attachmentsOf(row.messageId, content.parts).find((attachment) => attachment.id === id);
    if (found === undefined) throw new MailError('attachment-not-found', 'This attachment does not exist');
    return new ContentAnswer(octetsOf(content, found), {
      'Content-Type': safeType(found),
      'Content-Disposition': disposition(found.filename),
    });
  },
});

/** An embedded message has no transfer encoding (RFC 2046 section 5.2.1). */
function octetsOf(content: MessageContent, { part }: AttachmentPart) {
  return part.kind === 'message' ? content.range(part.bodyStart, part.bodyEnd) : content.decoded(part.index);
}

/** Types come from strangers: what is no token would break the answer's header. */
function safeType({ part }: AttachmentPart): string {
  const type = `${part.type}/${part.subtype}`;
  if (!/^[a-z0-9!#$&^_.+-]{1,100}\/[a-z0-9!#$&^_.+-]{1,100}$/.test(type)) return 'application/octet-stream';
  const charset = part.type === 'text' && /^[\w.:+-]{1,40}$/.test(part.charset ?? '') ? part.charset : undefined;
  return charset === undefined ? type : `${type}; charset=${charset}`;
}

/** RFC 6266: a plain name for old clients, the true one in UTF-8. Always an attachment, never shown in place. */
function disposition(filename: string): string {
  const plain = filename.replace(/[^\x20-\x7e]|["\\%]/g, '_').slice(0, 200);
  const exact = encodeURIComponent(filename.toWellFormed().slice(0, 200).toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${exact}`;
}
