import { z } from 'zod';
import { addressView } from '../../../lib/addresses/index.ts';
import { defineRoute } from '../../http/define-route.ts';
import { readPage } from '../../http/paging.ts';
import { dataOutput, flag, pageInput, pageOutput, tags, text } from '../../http/schemas.ts';

export const listAddresses = defineRoute({
  method: 'GET',
  path: '/addresses',
  summary: 'List all addresses in order of their normalised form',
  access: { resource: 'addresses', action: 'read' },
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
        id: z.string(),
        name: z.string(),
        address: z.string(),
        user: z.string(),
        forwarded: z.boolean(),
        tags: z.array(z.string()),
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
    const { rows, ...cursors } = await readPage(
      services.cursors,
      JSON.stringify(['addresses', filter]),
      { limit: page.limit, next: page.next, previous: page.previous },
      ({ after, before, limit }) =>
        services.addresses.list({
          ...filter,
          limit,
          ...(after !== undefined && { after: String(after[0]) }),
          ...(before !== undefined && { before: String(before[0]) }),
        }),
      ({ address }) => [addressView(address) ?? address],
    );
    return {
      ...(query !== undefined && { query }),
      total: await services.addresses.count(filter),
      ...cursors,
      results: rows.map((address) => ({
        id: address.id,
        name: address.name,
        address: address.address,
        user: address.user,
        forwarded: false,
        tags: [...address.tags],
        ...(metaData && { metaData: address.metaData }),
        ...(internalData && { internalData: address.internalData }),
      })),
    };
  },
});
