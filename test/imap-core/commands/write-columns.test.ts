import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { writeColumns } from '../../../imap-core/commands/fetch/write-columns.ts';
import type { ColumnItem } from '../../../imap-core/protocol/fetch-item.ts';
import { flagsText } from '../../../imap-core/protocol/flags.ts';
import { MailboxView } from '../../../imap-core/view/mailbox-view.ts';
import { Output } from '../../../imap-core/wire/output.ts';
import { MemoryBackend } from '../../support/imap-memory-session/index.ts';

const MESSAGES = 11_003;
const KEYWORDS = [[], ['$Work'], [], ['$Work', 'Later']];
const flagsOf = (number: number): { system: number; keywords: readonly string[] } => ({
  system: number % 32,
  keywords: KEYWORDS[(number >> 5) % KEYWORDS.length] ?? [],
});

async function openView(): Promise<MailboxView> {
  const backend = new MemoryBackend();
  const mailbox = backend.addAccount('alice', 'secret').existing('INBOX');
  const row = { messageId: 'm', internalDate: { at: 0, zoneMinutes: 0 }, sentDate: undefined };
  mailbox.append(
    Array.from({ length: MESSAGES }, (_, index) => ({ ...row, size: 7 * index, flags: flagsOf(index + 1) })),
  );
  const session = await backend.authenticate('alice', 'secret');
  return new MailboxView(await session.open('INBOX', false), false, () => undefined);
}

function written(view: MailboxView, from: number, to: number, items: readonly ColumnItem[], since?: number): string {
  const pieces: Buffer[] = [];
  const sink = {
    ...{ writableLength: 0, writableNeedDrain: false, cork: () => undefined, uncork: () => undefined },
    write: (octets: Buffer) => pieces.push(octets) > 0,
  };
  const marks = { pauseOctets: 1e9, streamOctets: 1e9, closeOctets: 1e9, stallMs: 1000 };
  const output = new Output(sink, marks, (reason) => assert.fail(reason));
  for (const span of view.spans(from - 1, to - 1)) writeColumns(output, view, span, items, since);
  output.flush();
  return Buffer.concat(pieces).toString();
}

describe('lines from columns', () => {
  const uid: ColumnItem = { kind: 'uid' };
  const flags: ColumnItem = { kind: 'flags' };
  const size: ColumnItem = { kind: 'size' };

  it('tell number, items and flags of each message, in the order asked for', async () => {
    const view = await openView();
    const told = (number: number): string => {
      const { system, keywords } = flagsOf(number);
      return `FLAGS (${flagsText(system, keywords, number >= view.mailbox.recentFrom)})`;
    };
    const shapes: readonly (readonly [readonly ColumnItem[], (number: number) => string])[] = [
      [[flags], told],
      [[uid, flags], (number) => `UID ${String(number)} ${told(number)}`],
      [[flags, uid], (number) => `${told(number)} UID ${String(number)}`],
      [[uid, size, flags], (number) => `UID ${String(number)} RFC822.SIZE ${String(7 * (number - 1))} ${told(number)}`],
      [[uid], (number) => `UID ${String(number)}`],
    ];
    for (const [items, content] of shapes)
      for (const [from, to] of [
        [1, MESSAGES],
        [998, 1002],
        [2000, 2000],
        [9_999, 10_001],
      ] as const) {
        const expected = Array.from({ length: to - from + 1 }, (_, index) => from + index)
          .map((number) => `* ${String(number)} FETCH (${content(number)})\r\n`)
          .join('');
        assert.equal(written(view, from, to, items), expected);
      }
  });

  it('leave out what did not change since', async () => {
    const view = await openView();
    const modseq = view.rowAt(MESSAGES - 1)?.modseq ?? 0;
    assert.equal(written(view, 1, MESSAGES, [flags], modseq), '');
    assert.notEqual(written(view, 1, MESSAGES, [flags], modseq - 1), '');
  });
});
