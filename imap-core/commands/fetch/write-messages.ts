import type { ColumnItem, DigestItem, FetchItem, SectionItem } from '../../protocol/fetch-item.ts';
import { columnText } from '../../responses/message-data.ts';
import type { DigestField, MessageContent, MessageDigest } from '../../session/message-content.ts';
import type { MessageRow } from '../../session/selected-mailbox.ts';
import type { NumberRange } from '../../protocol/number-range.ts';
import type { MailboxView, MessagePlace } from '../../view/mailbox-view.ts';
import type { Output } from '../../wire/output.ts';
import { turn } from '../../wire/turn.ts';
import { writeSection } from './write-section.ts';

/** One message to be answered for, at its 0-based position. */
export interface WantedMessage {
  readonly position: number;
  readonly row: MessageRow;
  readonly items: readonly FetchItem[];
}

/** A FETCH line could not be finished: the client can make no sense of what would follow. */
export class BrokenResponse extends Error {
  override readonly name = 'BrokenResponse';
}

export function isColumnItem(item: FetchItem): item is ColumnItem {
  return !isDigestItem(item) && !isSectionItem(item);
}

function isDigestItem(item: FetchItem): item is DigestItem {
  return item.kind === 'envelope' || item.kind === 'body' || item.kind === 'body-structure';
}

export function isSectionItem(item: FetchItem): item is SectionItem {
  return item.kind === 'section';
}

const DIGESTS: Readonly<Record<DigestItem['kind'], readonly [string, DigestField]>> = {
  envelope: ['ENVELOPE ', 'envelope'],
  body: ['BODY ', 'body'],
  'body-structure': ['BODYSTRUCTURE ', 'bodyStructure'],
};

/** Opens each message while the one before is still being written. */
class ContentReader {
  readonly #view: MailboxView;
  readonly #wanted: readonly WantedMessage[];
  #next: { readonly index: number; readonly content: Promise<MessageContent> } | undefined;

  constructor(view: MailboxView, wanted: readonly WantedMessage[]) {
    this.#view = view;
    this.#wanted = wanted;
  }

  async open(index: number): Promise<MessageContent> {
    const ahead = this.#next;
    // Messages may be passed over.
    const current = ahead?.index === index ? ahead.content : this.#start(index);
    if (current === undefined) throw new RangeError('No such message in this batch');
    const content = await current;
    const next = this.#start(index + 1);
    this.#next = next === undefined ? undefined : { index: index + 1, content: next };
    return content;
  }

  #start(index: number): Promise<MessageContent> | undefined {
    const message = this.#wanted[index];
    if (message === undefined) return undefined;
    const opened = this.#view.mailbox.openMessage(message.row);
    // A failure is met when the message's turn comes, which may be never.
    opened.catch(() => undefined);
    return opened;
  }
}

/**
 * Writes a FETCH line for each message.
 * @returns messages whose content is gone, which were passed over
 */
export async function writeMessages(
  output: Output,
  view: MailboxView,
  wanted: readonly WantedMessage[],
): Promise<readonly MessageRow[]> {
  const first = wanted[0];
  if (first === undefined) return [];
  const missing: MessageRow[] = [];
  const fields = digestFields(first.items);
  const digests = fields.length === 0 ? undefined : await allDigests(view, wanted, fields);
  const contents = first.items.some(isSectionItem) ? new ContentReader(view, wanted) : undefined;
  for (const [index, message] of wanted.entries()) {
    const digest = digests?.[index];
    if (digests !== undefined && digest === undefined) {
      missing.push(message.row);
      continue;
    }
    const content = contents === undefined ? undefined : await contents.open(index);
    await writeMessage(output, view, message, digest, content);
    if (output.isFull) await output.ready();
  }
  return missing;
}

/** What the items need of a digest. */
function digestFields(items: readonly FetchItem[]): DigestField[] {
  return items.flatMap((item) => (isDigestItem(item) ? [DIGESTS[item.kind][1]] : []));
}

async function allDigests(
  view: MailboxView,
  wanted: readonly WantedMessage[],
  fields: readonly DigestField[],
): Promise<readonly (MessageDigest | undefined)[]> {
  const all: (MessageDigest | undefined)[] = [];
  const rows = wanted.map(({ row }) => row);
  for await (const some of view.mailbox.digests(rows, fields)) all.push(...some);
  return all;
}

/**
 * Writes a FETCH line for each message of the positions whose modseq is above `changedSince`, from digests and columns.
 * The digests of a whole mailbox are one stream, read ahead.
 * @returns UIDs of messages whose content is gone, which were passed over
 */
export async function writeDigests(
  output: Output,
  view: MailboxView,
  ranges: readonly NumberRange[],
  items: readonly (ColumnItem | DigestItem)[],
  changedSince: number,
): Promise<readonly number[]> {
  const missing: number[] = [];
  const places: MessagePlace[] = [];
  let next = 0;
  const messages = remembered(view.places(ranges, changedSince), places);
  for await (const digests of view.mailbox.digests(messages, digestFields(items))) {
    for (const digest of digests) {
      const place = places[next];
      next += 1;
      if (place === undefined) break;
      if (digest === undefined) missing.push(place.uid);
      else writeDigest(output, view, place.position, items, digest);
      if (output.isFull) await output.ready();
    }
    places.splice(0, next);
    next = 0;
    // Others have their turn: what is read ahead may be there already.
    await turn();
  }
  return missing;
}

/** Keeps what is taken, until it is answered. */
function* remembered(places: Iterable<MessagePlace>, taken: MessagePlace[]): Iterable<MessagePlace> {
  for (const place of places) {
    taken.push(place);
    yield place;
  }
}

function writeDigest(
  output: Output,
  view: MailboxView,
  position: number,
  items: readonly (ColumnItem | DigestItem)[],
  digest: MessageDigest,
): void {
  let text = `* ${position + 1} FETCH (`;
  let separator = '';
  for (const item of items) {
    text += separator;
    separator = ' ';
    if (isDigestItem(item)) {
      const [name, field] = DIGESTS[item.kind];
      text += name + digest[field].toString('latin1');
    } else {
      view.eachColumn(position, position, (columns, at) => {
        text += columnText(item, columns, at, view.isRecent(columns.uid(at)));
      });
    }
  }
  output.write(`${text})\r\n`);
}

async function writeMessage(
  output: Output,
  view: MailboxView,
  message: WantedMessage,
  digest: MessageDigest | undefined,
  content: MessageContent | undefined,
): Promise<void> {
  output.write(`* ${message.position + 1} FETCH (`);
  let separator = '';
  try {
    for (const item of message.items) {
      output.write(separator);
      separator = ' ';
      if (isSectionItem(item)) {
        if (content !== undefined) await writeSection(output, content, item);
      } else if (isDigestItem(item)) {
        const [name, field] = DIGESTS[item.kind];
        output.write(name);
        if (digest !== undefined) output.writeOctets(digest[field]);
      } else {
        view.eachColumn(message.position, message.position, (columns, at) => {
          output.write(columnText(item, columns, at, view.isRecent(columns.uid(at))));
        });
      }
    }
  } catch (error) {
    throw new BrokenResponse('A FETCH response broke off', { cause: error });
  }
  output.write(')\r\n');
}
