import { ContentAnswer } from '../../http/api-request.ts';
import { defineUserRoute } from '../../http/define-route.ts';
import { messagePath, openContent, requireRow, withMailbox } from './mailbox-access.ts';

export const getMessageSource = defineUserRoute({
  method: 'GET',
  path: '/users/:user/mailboxes/:mailbox/messages/:message/message.eml',
  summary: 'The octets of a message as they came in',
  access: { resource: 'messages', action: 'read' },
  input: messagePath,
  output: 'message/rfc822',
  handler: async (input, request) => {
    const row = await withMailbox(request, input.mailbox, async (mailbox) => requireRow(mailbox, input.message));
    const content = await openContent(request, row);
    return new ContentAnswer(content.range(0, content.size), {
      'Content-Type': 'message/rfc822',
      'Content-Length': String(content.size),
    });
  },
});
