import { MailError } from '../kernel/errors.ts';
import type { MailboxId } from '../kernel/ids.ts';
import { headerOctets, keywordOctets, type AccountState, type MailboxHeader } from './account-state.ts';
import type { Change, ChangeOf } from './changes.ts';
import { rowsFrom } from './copied-rows.ts';
import {
  MOST_MAILBOXES,
  MOST_SUBSCRIPTION_OCTETS,
  MOST_SUBSCRIPTIONS,
  noColumns,
  requireAccount,
  requireColumns,
  requireHeaderOctets,
  requirePath,
  requireRowOctets,
  requireUids,
  type Command,
  type Decision,
  type DecisionContext,
} from './decision.ts';
import type { SpecialUse } from './journal.ts';
import { ancestorsOf, INBOX, isBelow, parseMailboxPath, parseNewMailboxPath } from './mailbox-path.ts';
import { rangesOf } from './uid-set.ts';

const FULL_RANGE = [{ from: 1, to: 2 ** 32 - 1 }];

/** The change that makes a mailbox; its UIDVALIDITY is above all that the account ever gave (DESIGN section 2). */
export function planMailbox(
  path: string,
  specialUse: SpecialUse | undefined,
  validity: number,
  context: DecisionContext,
): ChangeOf<'create'> {
  return {
    kind: 'create',
    mailbox: context.drawMailboxId(),
    path: parseNewMailboxPath(path),
    specialUse,
    uidValidity: Math.max(validity + 1, Math.floor(context.now / 1000)),
  };
}

/** RFC 3501 section 6.3.3; a `\Noselect` name becomes a mailbox again, with another id and UIDVALIDITY. */
export function createCommand(
  path: string,
  options: { readonly specialUse?: SpecialUse | undefined; readonly subscribe?: boolean | undefined },
): Command<MailboxId> {
  return {
    columns: noColumns,
    decide: (state, context) => {
      requireAccount(state);
      const target = parseNewMailboxPath(path);
      if (state.byPath(target)?.isNoselect === false) throw exists();
      const changes: Change[] = planPath(state, target, options.specialUse, context);
      const created = changes.at(-1);
      if (options.subscribe === true) changes.push(...planSubscription(state, target, true));
      const id = created?.kind === 'create' ? created.mailbox : context.drawMailboxId();
      return { changes, result: () => id };
    },
  };
}

/** RFC 3501 section 6.3.5. */
export function renameCommand(from: string, to: string): Command<undefined> {
  return {
    columns: (state) => {
      const header = isInbox(from) ? state.byPath(INBOX) : undefined;
      return header === undefined ? [] : [header.id];
    },
    decide: (state, context) => {
      const source = requirePath(state, from);
      const target = parseNewMailboxPath(to);
      if (state.byPath(target) !== undefined) throw exists();
      if (source.path === INBOX) return decideInboxRename(state, source, target, context);
      if (isBelow(target, source.path))
        throw new MailError('mailbox-not-permitted', 'A mailbox cannot be moved below itself');
      const parents = planParents(state, target, context);
      const growth = checkMovedPaths(state, source.path, target);
      requireRoom(state, parents, growth);
      const emptied = emptyAncestors(state, source.path, target);
      return {
        changes: [...parents, { kind: 'rename', from: source.path, to: target }, ...emptied],
        result: () => undefined,
      };
    },
  };
}

/** RFC 3501 section 6.3.4. `\Noselect` ancestors that stand for this name alone go with it. */
export function removeCommand(path: string): Command<undefined> {
  return {
    columns: noColumns,
    decide: (state, context) => {
      const header = requirePath(state, path);
      if (header.path === INBOX) throw new MailError('mailbox-not-permitted', 'INBOX cannot be deleted');
      const hasChildren = state.hasChildren(header.path);
      if (hasChildren && header.isNoselect)
        throw new MailError('mailbox-has-children', 'This name stands for the mailboxes below it');
      const changes: Change[] = [
        { kind: 'remove', mailbox: header.id, placeholder: hasChildren ? context.drawMailboxId() : undefined },
      ];
      if (!hasChildren) changes.push(...emptyAncestors(state, header.path, undefined));
      return { changes, result: () => undefined };
    },
  };
}

/** Subscriptions are names, whether or not there is such a mailbox (RFC 3501 section 6.3.6). */
export function subscribeCommand(path: string, isSubscribed: boolean): Command<undefined> {
  return {
    columns: noColumns,
    decide: (state) => {
      requireAccount(state);
      const changes = planSubscription(state, parseMailboxPath(path), isSubscribed);
      return { changes, result: () => undefined };
    },
  };
}

function planSubscription(state: AccountState, path: string, isSubscribed: boolean): Change[] {
  if (state.subscriptions.has(path) === isSubscribed) return [];
  if (isSubscribed && state.subscriptions.size >= MOST_SUBSCRIPTIONS) {
    throw new MailError('limit', `At most ${MOST_SUBSCRIPTIONS} names can be subscribed`);
  }
  if (isSubscribed) requireSubscriptionOctets(state, path);
  return [{ kind: 'subscribe', path, isSubscribed }];
}

/** @throws MailError `limit` */
function requireSubscriptionOctets(state: AccountState, path: string): void {
  let octets = Buffer.byteLength(path);
  for (const subscribed of state.subscriptions) octets += Buffer.byteLength(subscribed);
  if (octets > MOST_SUBSCRIPTION_OCTETS)
    throw new MailError('limit', 'The names that are subscribed take too much room');
}

/** The mailbox and the parents it lacks, parents first. */
function planPath(
  state: AccountState,
  path: string,
  specialUse: SpecialUse | undefined,
  context: DecisionContext,
): ChangeOf<'create'>[] {
  const parents = planParents(state, path, context);
  const validity = parents.at(-1)?.uidValidity ?? state.uidValidity;
  const plan = [...parents, planMailbox(path, specialUse, validity, context)];
  requireRoom(state, plan, 0);
  return plan;
}

function planParents(state: AccountState, path: string, context: DecisionContext): ChangeOf<'create'>[] {
  const plan: ChangeOf<'create'>[] = [];
  let validity = state.uidValidity;
  for (const ancestor of ancestorsOf(path)) {
    if (state.byPath(ancestor) !== undefined) continue;
    const planned = planMailbox(ancestor, undefined, validity, context);
    validity = planned.uidValidity;
    plan.push(planned);
  }
  return plan;
}

/** @throws MailError `limit` */
function requireRoom(state: AccountState, created: readonly ChangeOf<'create'>[], growthOctets: number): void {
  if (state.mailboxes.size + created.length > MOST_MAILBOXES)
    throw new MailError('limit', `An account has at most ${MOST_MAILBOXES} mailboxes`);
  const octets = created.reduce((sum, { path }) => sum + Buffer.byteLength(path) + 200, growthOctets);
  requireHeaderOctets(state, octets);
}

/** Every moved name must still be one. @returns by how many octets the headers grow */
function checkMovedPaths(state: AccountState, from: string, to: string): number {
  let growth = 0;
  for (const header of state.mailboxes.values()) {
    if (header.path !== from && !isBelow(header.path, from)) continue;
    const path = parseMailboxPath(to + header.path.slice(from.length));
    growth += headerOctets({ ...header, path }) - headerOctets(header);
  }
  return growth;
}

function decideInboxRename(
  state: AccountState,
  inbox: MailboxHeader,
  target: string,
  context: DecisionContext,
): Decision<undefined> {
  const plan = planPath(state, target, undefined, context);
  const created = plan.at(-1);
  const columns = requireColumns(state, inbox.id);
  if (created === undefined || columns.count === 0) return { changes: plan, result: () => undefined };
  requireUids({ ...inbox, uidNext: 1 }, columns.count);
  const { rows, tally } = rowsFrom(columns, inbox.keywords, FULL_RANGE, 1);
  requireRowOctets(rows);
  requireRoom(state, plan, keywordOctets(inbox.keywords.names));
  const uids = rangesOf(columns.uids());
  return {
    changes: [
      ...plan,
      { kind: 'append', mailbox: created.mailbox, origin: 'copy', rows },
      { kind: 'expunge', mailbox: inbox.id, uids, ...tally },
    ],
    result: () => undefined,
  };
}

/** `\Noselect` ancestors that stand for nothing any more once the path, with all below it, is gone or is `movedTo`. */
function emptyAncestors(state: AccountState, path: string, movedTo: string | undefined): Change[] {
  const changes: Change[] = [];
  let gone = path;
  for (const ancestor of ancestorsOf(path).reverse()) {
    const header = state.byPath(ancestor);
    if (header?.isNoselect !== true || (movedTo !== undefined && isBelow(movedTo, ancestor))) break;
    const hasOthers = [...state.mailboxes.values()].some(
      (own) => isBelow(own.path, ancestor) && own.path !== gone && !isBelow(own.path, gone),
    );
    if (hasOthers) break;
    changes.push({ kind: 'remove', mailbox: header.id, placeholder: undefined });
    gone = ancestor;
  }
  return changes;
}

function isInbox(path: string): boolean {
  return path.toUpperCase() === INBOX;
}

function exists(): MailError {
  return new MailError('mailbox-exists', 'A mailbox of this name exists already');
}
