import { registerDriverContract } from '../contracts/driver-contract.ts';
import { borrowEngine } from '../support/embedded-engine.ts';

registerDriverContract({
  name: 'the embedded engine',
  namesDuplicateKeys: true,
  open: async () => {
    const { uri, release } = await borrowEngine();
    return { uri, close: release };
  },
});

/** A connection string of an independent server of the same protocol; see test/docdb/README.md. */
const documentDb = process.env['EIDER_TEST_DOCDB'];
if (documentDb !== undefined) {
  registerDriverContract({
    name: 'DocumentDB',
    namesDuplicateKeys: false,
    open: async () => ({ uri: documentDb, close: async () => undefined }),
  });
}
