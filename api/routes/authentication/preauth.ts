import { z } from 'zod';
import { MailError } from '../../../lib/kernel/errors.ts';
import { defineRoute } from '../../http/define-route.ts';
import { text } from '../../http/schemas.ts';
import { SCOPES } from './authenticate.ts';

export const preauth = defineRoute({
  method: 'POST',
  path: '/preauth',
  summary: 'Whom a user name or address belongs to, without a password',
  access: { resource: 'authentication', action: 'create' },
  input: { username: text(320), scope: z.enum(SCOPES).default('master') },
  output: {
    id: z.string(),
    username: z.string(),
    address: z.string(),
    scope: z.enum(SCOPES),
    require2fa: z.literal(false),
  },
  handler: async ({ username, scope }, { services }) => {
    const { user } = await services.accounts.forLogin(username);
    if (user === undefined) throw new MailError('authentication-failed', 'Authentication failed');
    if (user.isDisabled || user.isSuspended) throw new MailError('account-disabled', 'This account is disabled');
    if (user.disabledScopes.includes(scope))
      throw new MailError('invalid-auth-scope', 'Access to this service is switched off for the account');
    return { id: user.id, username: user.username, address: user.address, scope, require2fa: false as const };
  },
});
