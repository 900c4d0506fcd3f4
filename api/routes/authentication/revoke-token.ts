import { MailError } from '../../../lib/kernel/errors.ts';
import { defineRoute } from '../../http/define-route.ts';

export const revokeToken = defineRoute({
  method: 'DELETE',
  path: '/authenticate',
  summary: 'Make the access token of this request void',
  access: { resource: 'authentication', action: 'delete', own: true },
  input: {},
  output: {},
  handler: async (_input, { services, actor }) => {
    if (actor.role === 'root') throw new MailError('not-permitted', 'The root token cannot be revoked');
    await services.tokens.revoke(actor.token);
    return {};
  },
});
