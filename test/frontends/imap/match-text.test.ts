import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { MessageRow } from '../../../imap-core/index.ts';
import type { OpenMailbox } from '../../../lib/journal/index.ts';
import type { AccountId } from '../../../lib/kernel/ids.ts';
import { MailError } from '../../../lib/kernel/errors.ts';
import { MailboxView } from '../../../lib/frontends/imap/mailbox-view.ts';

it('a text search tells a failure once, though messages read ahead fail before their turn', async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  let opened = 0;
  let failFirst: ((error: Error) => void) | undefined;
  const messages = {
    open: (): Promise<never> => {
      opened += 1;
      const gone = new MailError('unavailable', 'Storage is not available');
      if (opened > 1) return Promise.reject(gone);
      return new Promise((_, reject) => {
        failFirst = reject;
      });
    },
  };
  const view = new MailboxView(
    { messages } as unknown as ConstructorParameters<typeof MailboxView>[0],
    'a' as AccountId,
    {} as OpenMailbox,
  );
  const rows = Array.from(
    { length: 8 },
    (_, uid) => ({ uid, messageId: Buffer.alloc(16, uid).toString('hex') }) as unknown as MessageRow,
  );
  const search = view.matchText(rows, [], new AbortController().signal)[Symbol.asyncIterator]();
  const searched = search.next();
  // The others have failed and the event loop has turned before the first one fails.
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(opened, 4, 'read ahead');
  failFirst?.(new MailError('unavailable', 'Storage is not available'));
  await assert.rejects(searched, { code: 'UNAVAILABLE' });
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  assert.deepEqual(unhandled, []);
});
