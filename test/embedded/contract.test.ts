import { registerDriverContract } from '../contracts/driver-contract.ts';
import type { Feature } from '../contracts/subject.ts';
import { borrowEngine } from '../support/embedded-engine.ts';

registerDriverContract({
  name: 'the embedded engine',
  lacks: new Map(),
  open: async () => {
    const { uri, release } = await borrowEngine();
    return { uri, close: release };
  },
});

const docdb = process.env['EIDER_TEST_DOCDB'];
const mongodb = process.env['EIDER_TEST_MONGODB'];

/** Connection strings of other servers of the same protocol; for DocumentDB see test/docdb/README.md. */
const others: readonly (readonly [name: string, uri: string | undefined, lacks: ReadonlyMap<Feature, string>])[] = [
  [
    'DocumentDB',
    docdb,
    new Map<Feature, string>([
      ['duplicateKeys', 'it does not tell keyPattern and keyValue'],
      ['explain', 'its explain is that of another database'],
      ['retries', 'it does not know retried writes again'],
      ['killedCursors', 'it does not tell which cursors were there'],
      ['cursorNamespace', 'its cursors belong to no collection'],
      ['cursorSession', 'its cursors belong to no session'],
      ['cursorDrop', 'its cursors outlive their collection'],
      ['modifyHint', 'it knows no hint of findAndModify'],
      ['refusals', 'it writes into other collections'],
      ['collMod', 'it does not know the command'],
    ]),
  ],
  // `npm run test:docdb` has one server be both.
  ['MongoDB', mongodb === docdb ? undefined : mongodb, new Map<Feature, string>([['refusals', 'it can do it']])],
];
for (const [name, uri, lacks] of others) {
  if (uri !== undefined)
    registerDriverContract({ name, lacks, open: async () => ({ uri, close: async () => undefined }) });
}
