import { defineSection } from '../kernel/section.ts';

export const backupSection = defineSection({
  name: 'backup',
  doc: 'Backups with `eider backup`: the key that they are encrypted with, and the S3 server for targets such as s3://bucket/prefix.',
  settings: {
    key: {
      type: 'text',
      default: '',
      secret: true,
      doc: 'Key of the backups, 64 hexadecimal digits or base64; better kept in a file of its own. Without it no backup can be read: keep a copy where the backups are not.',
    },
    keyFile: {
      type: 'text',
      default: '',
      doc: 'File that holds the key and that nobody else may read, as `eider backup new-key` writes it.',
    },
    s3Endpoint: {
      type: 'text',
      default: '',
      doc: 'Server of S3 buckets, https://HOST[:PORT]; buckets are named in the path. Empty: Amazon, by the region.',
    },
    s3Region: { type: 'text', default: 'us-east-1', doc: 'Region that requests are signed for.' },
    s3AccessKeyId: { type: 'text', default: '', secret: true, doc: 'Who the requests come from.' },
    s3SecretAccessKey: { type: 'text', default: '', secret: true, doc: 'What the requests are signed with.' },
    s3SessionToken: { type: 'text', default: '', secret: true, doc: 'For credentials that do not last.' },
  },
});
