import { readSearchProgram } from '../arguments/search-program.ts';
import type { SearchProgram } from '../protocol/search-key.ts';
import { esearchLine, type Found, searchLine } from '../responses/search.ts';
import type { MessageRow } from '../session/selected-mailbox.ts';
import { SessionError } from '../session/session-error.ts';
import type { MailboxView } from '../view/mailbox-view.ts';
import type { Decoder } from '../wire/decoder.ts';
import { turn } from '../wire/turn.ts';
import { type Completion, type ContextOf, defineCommand, type Form } from './command.ts';
import { compileSearch, type Matcher, type SearchScope, UNKNOWN, YES } from './search/compile.ts';
import { NumberList } from './search/number-list.ts';

/** Messages looked at between two turns of the event loop. */
const BATCH = 20_000;
/** Messages whose content is asked for together. */
const CONTENT_BATCH = 1024;

function parse(decoder: Decoder): SearchProgram {
  decoder.space();
  return readSearchProgram(decoder);
}

function scopeOf(view: MailboxView): SearchScope {
  return {
    count: view.count,
    largestUid: view.uidAt(view.count - 1),
    recentFrom: view.mailbox.recentFrom,
    keywords: view.mailbox.info().keywords,
  };
}

interface ColumnPass {
  readonly matched: NumberList;
  /** Positions that only their content can decide. */
  readonly undecided: readonly number[];
}

async function searchColumns(view: MailboxView, matcher: Matcher, signal: AbortSignal): Promise<ColumnPass> {
  const matched = new NumberList();
  const undecided: number[] = [];
  const verdicts = new Uint8Array(BATCH);
  for (let from = 0; from < view.count; from += BATCH) {
    for (const span of view.spans(from, Math.min(view.count, from + BATCH) - 1)) {
      if (span.isGone) continue;
      matcher(span, verdicts, undefined);
      for (let index = 0; index < span.count; index += 1) {
        const verdict = verdicts[index];
        if (verdict === UNKNOWN) undecided.push(span.position + index);
        else if (verdict === YES) matched.add(span.position + index);
      }
    }
    await turn();
    signal.throwIfAborted();
  }
  return { matched, undecided };
}

/** Decides by their content; a message that has gone meanwhile matches nothing. */
async function searchContents(
  view: MailboxView,
  program: SearchProgram,
  matcher: Matcher,
  { matched, undecided }: ColumnPass,
  signal: AbortSignal,
): Promise<void> {
  const verdict = new Uint8Array(1);
  for (let from = 0; from < undecided.length; from += CONTENT_BATCH) {
    const positions: number[] = [];
    const rows: MessageRow[] = [];
    for (const position of undecided.slice(from, from + CONTENT_BATCH)) {
      const row = view.rowAt(position);
      if (row === undefined) continue;
      positions.push(position);
      rows.push(row);
    }
    let index = 0;
    for await (const terms of view.mailbox.matchText(rows, program.terms, signal)) {
      signal.throwIfAborted();
      const position = positions[index];
      index += 1;
      if (position === undefined) break;
      for (const span of view.spans(position, position)) {
        if (span.isGone) continue;
        matcher(span, verdict, terms);
        if (verdict[0] === YES) matched.add(position);
      }
    }
  }
}

/** @param positions ascending */
function describe(view: MailboxView, positions: Uint32Array, isUid: boolean, program: SearchProgram): Found {
  const numbers = positions.map((position) => (isUid ? view.uidAt(position) : position + 1));
  const { usesModSeq, returns } = program;
  return { numbers, modSeq: usesModSeq ? highestModSeq(view, toldPositions(positions, returns)) : undefined };
}

/** Those that the answer names: who asks for the ends alone hears of their mod-sequences alone (RFC 4731 section 3.2). */
function toldPositions(positions: Uint32Array, returns: SearchProgram['returns']): Uint32Array {
  if (returns === undefined || returns.has('ALL') || returns.has('COUNT') || positions.length === 0) return positions;
  const ends = [returns.has('MIN') ? positions.slice(0, 1) : [], returns.has('MAX') ? positions.slice(-1) : []];
  return Uint32Array.from(ends.flatMap((end) => [...end]));
}

function highestModSeq(view: MailboxView, positions: Uint32Array): number {
  let highest = 0;
  let next = 0;
  for (const { columns, at, position, count } of view.spans(positions[0] ?? 0, positions.at(-1) ?? -1)) {
    for (let own = positions[next]; own !== undefined && own < position + count; own = positions[next]) {
      if (own >= position) highest = Math.max(highest, columns.modseq(at + own - position));
      next += 1;
    }
  }
  return highest;
}

/** Ascending. */
async function findPositions(program: SearchProgram, view: MailboxView, signal: AbortSignal): Promise<Uint32Array> {
  const matcher = compileSearch(program.key, scopeOf(view));
  const pass = await searchColumns(view, matcher, signal);
  if (pass.undecided.length === 0) return pass.matched.view();
  await searchContents(view, program, matcher, pass, signal);
  return pass.matched.view().sort();
}

async function run(program: SearchProgram, context: ContextOf<'selected'>, form: Form): Promise<Completion> {
  const { connection, view } = context;
  if (program.usesModSeq) connection.enableCondstore();
  const deadline = new AbortController();
  const timer = setTimeout(() => {
    deadline.abort(new SessionError('LIMIT', 'Search takes too long'));
  }, connection.searchMs);
  let positions: Uint32Array;
  try {
    positions = await findPositions(program, view, deadline.signal);
  } finally {
    clearTimeout(timer);
  }
  const found = describe(view, positions, form.isUid, program);
  const { returns } = program;
  const { output } = connection;
  if (returns !== undefined) {
    output.write(esearchLine(form.tag, form.isUid, returns, found));
    return {};
  }
  for (const piece of searchLine(found)) {
    output.write(piece);
    await output.ready();
    if (found.numbers.length > BATCH) await turn();
  }
  return {};
}

/** RFC 3501 section 6.4.4, RFC 4731, RFC 7162 section 3.1.5. */
export const search = defineCommand({
  name: 'SEARCH',
  states: ['selected'],
  effects: ['uses'],
  uidForm: true,
  parse,
  run,
});
