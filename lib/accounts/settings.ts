import { defineSection } from '../kernel/section.ts';

export const accountsSection = defineSection({
  name: 'accounts',
  doc: 'What new users get.',
  settings: {
    defaultDomain: {
      type: 'text',
      default: 'localhost',
      doc: 'A new user whose name is not an e-mail address gets name@default-domain. Empty: no address. Works out of the box for mail within the machine.',
    },
    defaultQuota: {
      type: 'size',
      default: 1024 ** 3,
      min: 0,
      doc: 'What a new user may store where nothing else is said. 1 GiB holds some 20,000 messages of common size.',
    },
  },
});
