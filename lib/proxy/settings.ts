import { defineSection, type SectionValues } from '../kernel/section.ts';

export const proxySection = defineSection({
  name: 'proxy',
  doc: 'The PROXY protocol, by which a load balancer such as HAProxy (send-proxy-v2) tells whom a connection comes from.',
  settings: {
    trustedNetworks: {
      type: 'text-list',
      default: [],
      doc: 'Where the load balancers are, such as ["10.0.0.0/24"]. With any, the listeners below take connections from there alone, and each must begin with a PROXY header. Empty: no PROXY protocol.',
    },
    listeners: {
      type: 'text-list',
      default: ['imap', 'imaps', 'pop3', 'pop3s', 'lmtp', 'api'],
      doc: 'Which listeners stand behind load balancers; the others are reached directly.',
    },
    headerTimeout: {
      type: 'duration',
      default: 5000,
      min: 100,
      max: 60_000,
      doc: 'How long the header may take to come; load balancers send it at once.',
    },
  },
});

export type ProxySettings = SectionValues<typeof proxySection.settings>;
