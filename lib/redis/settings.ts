import { defineSection, type SectionValues } from '../kernel/section.ts';

export const redisSection = defineSection({
  name: 'redis',
  doc: 'Redis 5 or newer carries hints between machines and shared limits; it holds nothing that may not be lost. Processes of one machine need none.',
  settings: {
    uri: {
      type: 'text',
      default: '',
      secret: true,
      doc: 'Such as redis://:password@10.0.0.5:6379, redis+sentinel://10.0.0.5,10.0.0.6/mymaster or redis+cluster://10.0.0.5,10.0.0.6; rediss for TLS. Empty: none.',
    },
    prefix: {
      type: 'text',
      default: 'eider',
      doc: 'Begins every key and channel, so that installations may share one Redis; the same on all nodes.',
    },
    commandTimeout: {
      type: 'duration',
      default: 250,
      min: 10,
      max: 10_000,
      doc: 'How long a log-in may wait for the shared limits before this process goes on with its own.',
    },
  },
});

export type RedisSettings = SectionValues<typeof redisSection.settings>;
