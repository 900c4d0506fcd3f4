import { z } from 'zod';
import { defineRoute } from '../../http/define-route.ts';

export const getAuthenticated = defineRoute({
  method: 'GET',
  path: '/authenticated',
  summary: 'Whose the access token of this request is',
  access: { resource: 'authentication', action: 'read', own: true },
  input: {},
  output: { role: z.enum(['root', 'user']), user: z.string().optional(), username: z.string().optional() },
  handler: async (_input, { actor }) => ({
    role: actor.role,
    ...(actor.role === 'user' && { user: actor.user.id, username: actor.user.username }),
  }),
});
