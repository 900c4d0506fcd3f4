import { z } from 'zod';
import { SystemFlag, type FlagChange, type UidRanges } from '../../../lib/journal/index.ts';
import { MailError } from '../../../lib/kernel/errors.ts';
import type { UserRequest } from '../../http/api-request.ts';
import { defineUserRoute } from '../../http/define-route.ts';
import { flag, onlyFalse } from '../../http/schemas.ts';
import { mailboxParameter, requireMailbox } from '../mailboxes/mailbox-fields.ts';
import { messageNotFound, messageNumbers, requireUids, withMailbox } from './mailbox-access.ts';
import { parseMessageNumbers } from './message-numbers.ts';

const input = {
  mailbox: mailboxParameter,
  message: messageNumbers,
  moveTo: mailboxParameter.optional(),
  seen: flag().optional(),
  deleted: flag().optional(),
  flagged: flag().optional(),
  draft: flag().optional(),
  updateThread: onlyFalse(),
  markHam: onlyFalse(),
  expires: onlyFalse(),
};

const output = {
  mailbox: z.string().optional(),
  id: z.array(z.tuple([z.number(), z.number()])).optional(),
  updated: z.number().optional(),
};

type Update = z.output<z.ZodObject<typeof input>>;

/** The messages in the body. */
export const updateMessages = defineUserRoute({
  method: 'PUT',
  path: '/users/:user/mailboxes/:mailbox/messages',
  summary: 'Change flags of messages, or move them; `message` is 1, 1,2,3, 1:5 or 1:*',
  access: { resource: 'messages', action: 'update' },
  input,
  output,
  handler: update,
});

/** The messages in the path. */
export const updateMessage = defineUserRoute({
  method: 'PUT',
  path: '/users/:user/mailboxes/:mailbox/messages/:message',
  summary: 'Change flags of messages, or move them; in the path too, several may be named',
  access: { resource: 'messages', action: 'update' },
  input,
  output,
  handler: update,
});

async function update(change: Update, request: UserRequest): Promise<z.output<z.ZodObject<typeof output>>> {
  const ranges = parseMessageNumbers('message', change.message);
  const flagChanges = toFlagChanges(change);
  if (flagChanges.length === 0 && change.moveTo === undefined)
    throw new MailError('invalid-input', 'Nothing was changed');
  // Before anything is touched: a move to nowhere must not leave the flags changed.
  const target = change.moveTo === undefined ? undefined : await requireMailbox(request, change.moveTo);
  return withMailbox(request, change.mailbox, async (mailbox) => {
    const uids = requireUids(mailbox, ranges);
    const present = presentRanges(ranges, uids);
    for (const flagChange of flagChanges) await mailbox.storeFlags(present, flagChange);
    if (target === undefined) return { updated: uids.length };
    const moved = await mailbox.move(present, target.id);
    if (moved.sourceUids.length === 0) throw messageNotFound();
    const pairs = moved.sourceUids.map((source, position): [number, number] => [
      source,
      moved.targetUids[position] ?? 0,
    ]);
    return { mailbox: target.id, id: pairs };
  });
}

/** Without what comes in while we work: `1:*` is what was there when it was asked. */
function presentRanges(ranges: UidRanges, uids: readonly number[]): UidRanges {
  const last = uids.at(-1) ?? 0;
  return ranges.flatMap(({ from, to }) => (from > last ? [] : [{ from, to: Math.min(to, last) }]));
}

function toFlagChanges({ seen, deleted, flagged, draft }: Update): readonly FlagChange[] {
  const wanted = [
    [SystemFlag.seen, seen],
    [SystemFlag.deleted, deleted],
    [SystemFlag.flagged, flagged],
    [SystemFlag.draft, draft],
  ] as const;
  const sum = (value: boolean): number => wanted.reduce((bits, [bit, is]) => (is === value ? bits | bit : bits), 0);
  return (['add', 'remove'] as const)
    .map((mode): FlagChange => ({ mode, flags: { system: sum(mode === 'add'), keywords: [] } }))
    .filter(({ flags }) => flags.system !== 0);
}
