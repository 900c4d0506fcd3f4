import { z } from 'zod';
import { defineRoute } from '../../http/define-route.ts';

const job = z.object({
  job: z.string(),
  shard: z.number(),
  shards: z.number(),
  state: z.enum(['never', 'running', 'done', 'failed', 'stopped', 'lost']),
  node: z.string(),
  fence: z.number(),
  started: z.string().or(z.literal(false)),
  ended: z.string().or(z.literal(false)),
  due: z.string(),
  failures: z.number(),
  error: z.string(),
  report: z.record(z.string(), z.number()),
});

export const listBackgroundJobs = defineRoute({
  method: 'GET',
  path: '/jobs',
  summary: 'Work in the background: what ran where, what comes next',
  access: { resource: 'nodes', action: 'read' },
  input: {},
  output: { results: z.array(job) },
  handler: async (_input, { services }) => ({
    results: (await services.listJobs()).map(({ startedAt, endedAt, dueAt, ...rest }) => ({
      ...rest,
      report: { ...rest.report },
      started: timeOr(startedAt),
      ended: timeOr(endedAt),
      due: new Date(dueAt).toISOString(),
    })),
  }),
});

function timeOr(at: number): string | false {
  return at === 0 ? false : new Date(at).toISOString();
}
