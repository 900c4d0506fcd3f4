import { z } from 'zod';
import type { UserId } from '../../../lib/kernel/ids.ts';
import { defineRoute } from '../../http/define-route.ts';
import { readPage } from '../../http/paging.ts';
import { dataOutput, flag, pageInput, pageOutput, tags, text } from '../../http/schemas.ts';
import { quotaOutput, readQuota, toUserSummary, userSummaryOutput } from './user-fields.ts';

export const listUsers = defineRoute({
  method: 'GET',
  path: '/users',
  summary: 'List users in order of their ids',
  access: { resource: 'users', action: 'read' },
  ignoresUnknown: true,
  input: {
    ...pageInput,
    query: text(255).optional(),
    tags: tags().optional(),
    requiredTags: tags().optional(),
    metaData: flag().default(false),
    internalData: flag().default(false),
  },
  output: {
    ...pageOutput,
    query: z.string().optional(),
    results: z.array(
      z.object({
        ...userSummaryOutput,
        quota: quotaOutput,
        metaData: dataOutput.optional(),
        internalData: dataOutput.optional(),
      }),
    ),
  },
  handler: async ({ query, tags, requiredTags, metaData, internalData, ...page }, { services }) => {
    const filter = {
      ...(query !== undefined && { query }),
      ...(tags !== undefined && { tags }),
      ...(requiredTags !== undefined && { requiredTags }),
    };
    const question = JSON.stringify(['users', filter]);
    const { rows, ...cursors } = await readPage(
      services.cursors,
      question,
      { limit: page.limit, next: page.next, previous: page.previous },
      ({ after, before, limit }) =>
        services.accounts.list({
          ...filter,
          limit,
          ...(after !== undefined && { after: String(after[0]) as UserId }),
          ...(before !== undefined && { before: String(before[0]) as UserId }),
        }),
      (user) => [user.id],
    );
    const total = await services.accounts.count(filter);
    return {
      ...(query !== undefined && { query }),
      total,
      ...cursors,
      results: await Promise.all(
        rows.map(async (user) => ({
          ...toUserSummary(user),
          quota: await readQuota(services, user),
          ...(metaData && { metaData: user.metaData }),
          ...(internalData && { internalData: user.internalData }),
        })),
      ),
    };
  },
});
