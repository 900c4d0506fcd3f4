import { apiSection } from '../api/index.ts';
import { accountsSection } from '../lib/accounts/index.ts';
import { authSection } from '../lib/auth/index.ts';
import { backupSection } from '../lib/backup/index.ts';
import { tlsSection } from '../lib/certificates/index.ts';
import { deliverySection } from '../lib/delivery/index.ts';
import { encryptionSection } from '../lib/encryption/index.ts';
import { imapSection } from '../lib/frontends/imap/index.ts';
import { lmtpSection } from '../lib/frontends/lmtp/index.ts';
import { pop3Section } from '../lib/frontends/pop3/index.ts';
import { jobsSection } from '../lib/jobs/index.ts';
import { journalSection } from '../lib/journal/index.ts';
import type { Section } from '../lib/kernel/section.ts';
import { messagesSection } from '../lib/messages/index.ts';
import { proxySection } from '../lib/proxy/index.ts';
import { redisSection } from '../lib/redis/index.ts';
import { databaseSection, listenSection, serverSection } from './settings.ts';

/** Every section there is, in the order of config/default.toml. */
export const sections: readonly Section[] = [
  serverSection,
  listenSection,
  proxySection,
  tlsSection,
  databaseSection,
  redisSection,
  accountsSection,
  authSection,
  imapSection,
  pop3Section,
  lmtpSection,
  deliverySection,
  apiSection,
  journalSection,
  messagesSection,
  encryptionSection,
  backupSection,
  jobsSection,
];
