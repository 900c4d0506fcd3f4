import { defineSection } from '../kernel/section.ts';

export const encryptionSection = defineSection({
  name: 'encryption',
  doc: 'Message content at rest in the database. Without a key it is kept as it is, which is right where disks are encrypted.',
  settings: {
    keyFile: {
      type: 'text',
      default: '',
      doc: 'File of keys, one a line, that nobody else may read, in base64 or hexadecimal: `eider key generate` makes one. The first seals what is written, all open what is read. Lost keys are lost mail.',
    },
    keys: {
      type: 'text',
      default: '',
      secret: true,
      doc: 'As the file, separated by commas; for environments that hand over secrets as variables.',
    },
  },
});
