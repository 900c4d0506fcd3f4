import { accountCollections } from '../lib/accounts/index.ts';
import { addressCollections } from '../lib/addresses/index.ts';
import { attachmentCollections } from '../lib/attachments/index.ts';
import { authCollections } from '../lib/auth/index.ts';
import type { CollectionLayout } from '../lib/db/index.ts';
import { jobCollections } from '../lib/jobs/index.ts';
import { journalCollections } from '../lib/journal/index.ts';
import { messageCollections } from '../lib/messages/index.ts';
import { nodeCollections } from '../lib/nodes/index.ts';

/** Every collection that Eider writes; one that is missing here fails the test of targeted operations. */
export const collections: readonly CollectionLayout[] = [
  ...journalCollections,
  ...messageCollections,
  ...attachmentCollections,
  ...accountCollections,
  ...addressCollections,
  ...authCollections,
  ...nodeCollections,
  ...jobCollections,
];
