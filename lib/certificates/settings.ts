import { defineSection } from '../kernel/section.ts';

export const tlsSection = defineSection({
  name: 'tls',
  doc: 'The certificate of all listeners. With neither file given, one that signs itself is made at the first start.',
  settings: {
    certificateFile: {
      type: 'text',
      default: '',
      reloadable: true,
      doc: 'PEM, the server certificate first, then those between it and the root. The file is read again at SIGHUP.',
    },
    privateKeyFile: {
      type: 'text',
      default: '',
      reloadable: true,
      doc: 'PEM, without a passphrase. The file is read again at SIGHUP.',
    },
    minVersion: {
      type: 'text',
      default: 'TLSv1.2',
      oneOf: ['TLSv1.2', 'TLSv1.3'],
      reloadable: true,
      doc: 'The oldest version accepted. Clients that know nothing newer than 1.2 are still common; 1.1 is broken (RFC 8996).',
    },
  },
});
