import { z } from 'zod';
import { defineRoute } from '../../http/define-route.ts';

export const getHealth = defineRoute({
  method: 'GET',
  path: '/health',
  summary: 'Whether the API answers, and the version of the program',
  access: { resource: 'health', action: 'read' },
  input: {},
  output: { version: z.string() },
  handler: async (_input, { services }) => ({ version: services.version }),
});
