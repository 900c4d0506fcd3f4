import type { ListArguments } from '../../arguments/list-options.ts';
import { ListPattern } from '../../protocol/list-pattern.ts';
import { HIERARCHY_DELIMITER, type MailboxInfo } from '../../protocol/mailbox.ts';

/** One LIST line. */
export interface ListEntry {
  readonly path: string;
  readonly attributes: readonly string[];
  /** Told because of subscribed children, not for its own sake (RFC 5258 section 3.5). */
  readonly hasChildInfo: boolean;
  /** Undefined where there is no such mailbox. */
  readonly info: MailboxInfo | undefined;
}

/** All mailboxes with what LIST needs to know of their surroundings. */
export interface MailboxForest {
  readonly mailboxes: readonly MailboxInfo[];
  readonly byPath: ReadonlyMap<string, MailboxInfo>;
  /** Paths that have children. */
  readonly parents: ReadonlySet<string>;
  readonly subscribed: ReadonlySet<string>;
  /** Paths above subscribed ones. */
  readonly aboveSubscribed: ReadonlySet<string>;
}

/** Every proper ancestor of the paths. */
function ancestorsOf(paths: Iterable<string>): Set<string> {
  const ancestors = new Set<string>();
  for (const path of paths) {
    let end = path.lastIndexOf(HIERARCHY_DELIMITER);
    while (end > 0) {
      const parent = path.slice(0, end);
      // Whoever is known has his own ancestors known.
      if (ancestors.has(parent)) break;
      ancestors.add(parent);
      end = parent.lastIndexOf(HIERARCHY_DELIMITER);
    }
  }
  return ancestors;
}

export function plantForest(mailboxes: readonly MailboxInfo[], subscriptions: readonly string[]): MailboxForest {
  return {
    mailboxes,
    byPath: new Map(mailboxes.map((info) => [info.path, info])),
    parents: ancestorsOf(mailboxes.map((info) => info.path)),
    subscribed: new Set(subscriptions),
    aboveSubscribed: ancestorsOf(subscriptions),
  };
}

function attributesOf(
  path: string,
  info: MailboxInfo | undefined,
  forest: MailboxForest,
  args: ListArguments,
): string[] {
  const attributes: string[] = [];
  if (info === undefined) attributes.push('\\NonExistent');
  else if (info.isNoselect) attributes.push('\\Noselect');
  if (info !== undefined) attributes.push(forest.parents.has(path) ? '\\HasChildren' : '\\HasNoChildren');
  const wantsSubscribed = args.selects.has('SUBSCRIBED') || args.returns.has('SUBSCRIBED');
  if (wantsSubscribed && forest.subscribed.has(path)) attributes.push('\\Subscribed');
  if (info?.specialUse !== undefined) attributes.push(info.specialUse);
  return attributes;
}

/** The names that the selection options admit, before any pattern (RFC 5258 section 3.1). */
function candidatesOf(forest: MailboxForest, { selects }: ListArguments): Iterable<string> {
  if (!selects.has('SUBSCRIBED')) return forest.byPath.keys();
  if (!selects.has('RECURSIVEMATCH')) return forest.subscribed;
  return new Set([...forest.subscribed, ...forest.aboveSubscribed]);
}

/**
 * The lines of a LIST answer, one after another so that the caller can pause: matching many long names against many
 * wildcards takes time.
 * @returns for each candidate an entry, or undefined where it is not wanted
 */
export function* chooseMailboxes(forest: MailboxForest, args: ListArguments): Iterable<ListEntry | undefined> {
  const patterns = args.patterns.map((pattern) => new ListPattern(args.reference + pattern));
  for (const path of candidatesOf(forest, args)) {
    const info = forest.byPath.get(path);
    if (args.selects.has('SPECIAL-USE') && info?.specialUse === undefined) {
      yield undefined;
    } else if (patterns.some((pattern) => pattern.matches(path))) {
      yield {
        path,
        attributes: attributesOf(path, info, forest, args),
        hasChildInfo: args.selects.has('RECURSIVEMATCH') && forest.aboveSubscribed.has(path),
        info,
      };
    } else {
      yield undefined;
    }
  }
}

/**
 * LSUB's names: those subscribed, and with `%` at a pattern's end the parents of such that it leaves out, as
 * `\Noselect` (RFC 3501 section 6.3.9).
 */
export function* chooseSubscriptions(
  subscriptions: readonly string[],
  existing: ReadonlySet<string>,
  pattern: string,
): Iterable<{ readonly path: string; readonly attributes: readonly string[] } | undefined> {
  const matcher = new ListPattern(pattern);
  const subscribed = new Set(subscriptions);
  for (const path of subscribed) {
    yield matcher.matches(path) ? { path, attributes: existing.has(path) ? [] : ['\\Noselect'] } : undefined;
  }
  if (!pattern.endsWith('%')) return;
  for (const path of ancestorsOf(subscriptions)) {
    yield !subscribed.has(path) && matcher.matches(path) ? { path, attributes: ['\\Noselect'] } : undefined;
  }
}
