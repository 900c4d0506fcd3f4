import { isDeepStrictEqual } from 'node:util';
import { SystemFlag } from '../../lib/journal/index.ts';
import type { AccountId } from '../../lib/kernel/ids.ts';
import { append, deliver, type Node } from './node.ts';
import { messageWithAttachment, plainMessage } from './tour.ts';

interface Row {
  readonly uid: number;
  readonly messageId: string;
  readonly flags: number;
}

/** What a mail program could see of an account. */
export type View = ReadonlyMap<
  string,
  { readonly uidValidity: number; readonly uidNext: number; readonly rows: readonly Row[] }
>;

export const EVERYTHING = [{ from: 1, to: 0xffffffff }];

export async function viewOf({ mailboxes }: Node, account: AccountId): Promise<View> {
  const view = new Map<string, { uidValidity: number; uidNext: number; rows: Row[] }>();
  for (const { id, path, isNoselect } of await mailboxes.list(account)) {
    if (isNoselect) continue;
    const opened = await mailboxes.open(account, id, { isReadOnly: true });
    const { uidValidity, uidNext } = opened.info();
    const rows = [...opened.rows(EVERYTHING)].map(({ uid, messageId, flags }) => ({
      uid,
      messageId,
      flags: flags.system,
    }));
    view.set(path, { uidValidity, uidNext, rows });
    opened.close();
  }
  return view;
}

export const count = (view: View, path: string): number => view.get(path)?.rows.length ?? -1;

export interface Operation {
  readonly name: string;
  /** @throws MailError */
  readonly run: (node: Node, account: AccountId, marker: string) => Promise<unknown>;
  /** Whether the view is what the operation leads to. */
  readonly isDone: (after: View, before: View) => boolean;
  /** What a client does again after an unknown outcome must leave one message. */
  readonly isRepeatable?: true;
}

export async function inMailbox<T>(
  node: Node,
  account: AccountId,
  path: string,
  run: (opened: Awaited<ReturnType<Node['mailboxes']['open']>>) => Promise<T>,
): Promise<T> {
  const opened = await node.mailboxes.open(account, { path });
  try {
    return await run(opened);
  } finally {
    opened.close();
  }
}

const grew = (path: string, by: number) => (after: View, before: View) =>
  count(after, path) === count(before, path) + by;
export const NO_KEYWORDS: readonly string[] = [];

/** Setup leaves INBOX with three messages, the second `\Deleted`, the third with an attachment. */
export const OPERATIONS: readonly Operation[] = [
  {
    name: 'deliver',
    isRepeatable: true,
    run: async (node, account, marker) => {
      const outcome = await deliver(node, account, plainMessage(marker));
      if (outcome.kind === 'failed') throw outcome.error;
    },
    isDone: grew('INBOX', 1),
  },
  {
    name: 'upload',
    isRepeatable: true,
    run: async (node, account, marker) => {
      const outcome = await deliver(node, account, messageWithAttachment(marker, 600_000 + (marker.charCodeAt(0) % 7)));
      if (outcome.kind === 'failed') throw outcome.error;
    },
    isDone: grew('INBOX', 1),
  },
  {
    name: 'APPEND',
    run: (node, account, marker) => append(node, account, 'INBOX', plainMessage(marker)),
    isDone: grew('INBOX', 1),
  },
  {
    name: 'COPY',
    run: (node, account) =>
      inMailbox(node, account, 'INBOX', (box) => box.copy([{ from: 1, to: 2 }], { path: 'Trash' })),
    isDone: grew('Trash', 2),
  },
  {
    name: 'MOVE',
    run: (node, account) =>
      inMailbox(node, account, 'INBOX', (box) => box.move([{ from: 1, to: 2 }], { path: 'Trash' })),
    isDone: (after, before) => grew('Trash', 2)(after, before) && grew('INBOX', -2)(after, before),
  },
  {
    name: 'EXPUNGE',
    run: (node, account) => inMailbox(node, account, 'INBOX', (box) => box.expunge(undefined)),
    isDone: grew('INBOX', -1),
  },
  {
    name: 'STORE',
    run: (node, account) =>
      inMailbox(node, account, 'INBOX', (box) =>
        box.storeFlags(EVERYTHING, { mode: 'add', flags: { system: SystemFlag.seen, keywords: NO_KEYWORDS } }),
      ),
    isDone: (after) => after.get('INBOX')?.rows.every(({ flags }) => (flags & SystemFlag.seen) !== 0) === true,
  },
  {
    name: 'CREATE',
    run: ({ mailboxes }, account) => mailboxes.create(account, 'New/Child'),
    isDone: (after) => after.has('New') && after.has('New/Child'),
  },
  {
    name: 'RENAME',
    run: ({ mailboxes }, account) => mailboxes.rename(account, 'Sent', 'Post'),
    isDone: (after) => after.has('Post') && !after.has('Sent'),
  },
  {
    name: 'DELETE',
    run: ({ mailboxes }, account) => mailboxes.remove(account, 'Trash'),
    isDone: (after) => !after.has('Trash'),
  },
  { name: 'fold', run: ({ mailboxes }, account) => mailboxes.fold(account), isDone: isDeepStrictEqual },
  { name: 'sweep', run: ({ sweep }) => sweep.run({ olderThanMs: 0, graceMs: 0 }), isDone: isDeepStrictEqual },
];
