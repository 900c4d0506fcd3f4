import { z } from 'zod';
import { defineUserRoute } from '../../http/define-route.ts';
import { dataOutput } from '../../http/schemas.ts';
import { quotaOutput, readQuota, toUserSummary, userSummaryOutput } from './user-fields.ts';

export const getUser = defineUserRoute({
  method: 'GET',
  path: '/users/:user',
  summary: 'What is known of a user, quota and use included',
  access: { resource: 'users', action: 'read' },
  input: {},
  output: {
    ...userSummaryOutput,
    tags: z.array(z.string()).optional(),
    language: z.string(),
    limits: z.object({ quota: quotaOutput }),
    metaData: dataOutput,
    internalData: dataOutput.optional(),
    disabledScopes: z.array(z.string()).optional(),
    keyInfo: z.literal(false),
  },
  handler: async (_input, { services, actor, user }) => {
    const { tags, ...rest } = toUserSummary(user);
    return {
      ...rest,
      language: user.language,
      limits: { quota: await readQuota(services, user) },
      metaData: user.metaData,
      keyInfo: false as const,
      // What those who run the place note about a user is not for the user.
      ...(actor.role === 'root' && { tags, internalData: user.internalData, disabledScopes: [...user.disabledScopes] }),
    };
  },
});
