import { z } from 'zod';
import { defineRoute } from '../../http/define-route.ts';
import { inputError } from '../../http/input-error.ts';
import { flag, text } from '../../http/schemas.ts';

export const SCOPES = ['master', 'imap', 'pop3', 'smtp'] as const;

export const authenticate = defineRoute({
  method: 'POST',
  path: '/authenticate',
  summary: 'Check a user name or address with its password; with `token` an access token is made',
  access: { resource: 'authentication', action: 'create' },
  input: {
    username: text(320),
    password: text(256),
    protocol: text(64).optional(),
    scope: z.enum(SCOPES).default('master'),
    appId: text(1024).optional(),
    token: flag().default(false),
  },
  output: {
    id: z.string(),
    username: z.string(),
    address: z.string(),
    scope: z.enum(SCOPES),
    require2fa: z.literal(false),
    require2faEnabled: z.boolean(),
    requirePasswordChange: z.boolean(),
    token: z.string().optional(),
  },
  handler: async ({ username, password, scope, token }, { services, remoteAddress }) => {
    if (token && scope !== 'master') throw inputError('token', 'is only made for the scope master');
    const user = await services.auth.login({ username, password, scope, protocol: 'API', remoteAddress });
    return {
      id: user.id,
      username: user.username,
      address: user.address,
      scope,
      require2fa: false as const,
      require2faEnabled: false,
      requirePasswordChange: false,
      ...(token && { token: await services.tokens.create(user) }),
    };
  },
});
