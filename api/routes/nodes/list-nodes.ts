import { z } from 'zod';
import { defineRoute } from '../../http/define-route.ts';

const node = z.object({
  id: z.string(),
  host: z.string(),
  pid: z.number(),
  state: z.enum(['alive', 'draining', 'gone']),
  roles: z.array(z.string()),
  version: z.string(),
  started: z.string(),
  seen: z.string(),
  connections: z.record(z.string(), z.number()),
  commandsPerSecond: z.number(),
  loopDelayMs: z.number(),
  memory: z.number(),
});

export const listNodes = defineRoute({
  method: 'GET',
  path: '/nodes',
  summary: 'The processes that serve this store: who is alive, version, load',
  access: { resource: 'nodes', action: 'read' },
  input: {},
  output: { results: z.array(node) },
  handler: async (_input, { services }) => ({
    results: (await services.nodes.list()).map(({ startedAt, seenAt, connections, memoryOctets, ...rest }) => ({
      ...rest,
      roles: [...rest.roles],
      started: new Date(startedAt).toISOString(),
      seen: new Date(seenAt).toISOString(),
      connections: Object.fromEntries(connections),
      memory: memoryOctets,
    })),
  }),
});
