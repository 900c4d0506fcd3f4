import { createCharsetDecoder, htmlToText } from '../../../lib/mime/index.ts';
import type { MessageContent, StoredPart } from '../../../lib/messages/index.ts';
import { isReadableText } from './attachment-list.ts';

/** Octets of HTML in one answer, and of text: what a reader sees, not an archive. */
const MAX_HTML_OCTETS = 640 * 1024;
const MAX_TEXT_CHARACTERS = 100 * 1024;
/** Parts of text that are read; a message of a thousand tiny ones is no reader's. */
const MAX_PARTS = 100;

export interface MessageText {
  /** One text a part, as it was sent. */
  readonly html: readonly string[];
  readonly text: string;
}

/** What a subtree of parts says, and in which of the two forms it was written. */
interface Reading extends MessageText {
  readonly hasHtml: boolean;
  readonly hasText: boolean;
}

const NOTHING: Reading = { html: [], text: '', hasHtml: false, hasText: false };

/** The text of a message in both forms; where only one was written the other is made from it. */
export async function readMessageText(content: MessageContent): Promise<MessageText> {
  const budget = { octets: MAX_HTML_OCTETS, parts: MAX_PARTS };
  const [root] = content.parts;
  const { html, text } = root === undefined ? NOTHING : await readPart(content, root, budget);
  return { html, text: text.slice(0, MAX_TEXT_CHARACTERS) };
}

interface Budget {
  octets: number;
  parts: number;
}

/** Recursion is bounded by the depth that the scanner understands. */
async function readPart(content: MessageContent, part: StoredPart, budget: Budget): Promise<Reading> {
  if (part.kind === 'multipart') {
    const readings: Reading[] = [];
    for (const child of part.children) {
      const found = content.parts[child];
      if (found !== undefined) readings.push(await readPart(content, found, budget));
    }
    return part.subtype === 'alternative' ? choose(readings) : concatenate(readings);
  }
  if (!isReadableText(part) || budget.parts <= 0 || budget.octets <= 0) return NOTHING;
  const written = await readLeaf(content, part, budget);
  if (part.subtype === 'html') return { html: [written], text: htmlToText(written), hasHtml: true, hasText: false };
  return { html: [textToHtml(written)], text: written, hasHtml: false, hasText: true };
}

/** The last form is the richest (RFC 2046 section 5.1.4). */
function choose(readings: readonly Reading[]): Reading {
  const html =
    readings.findLast(({ hasHtml }) => hasHtml) ?? readings.findLast((reading) => reading.html.length > 0) ?? NOTHING;
  const text = readings.find(({ hasText }) => hasText) ?? html;
  return { html: html.html, text: text.text, hasHtml: html.hasHtml, hasText: text.hasText };
}

function concatenate(readings: readonly Reading[]): Reading {
  return {
    html: readings.flatMap(({ html }) => html),
    text: readings
      .map(({ text }) => text)
      .filter((text) => text !== '')
      .join('\n'),
    hasHtml: readings.some(({ hasHtml }) => hasHtml),
    hasText: readings.some(({ hasText }) => hasText),
  };
}

async function readLeaf(content: MessageContent, part: StoredPart, budget: Budget): Promise<string> {
  const decoder = createCharsetDecoder(part.charset);
  const pieces: string[] = [];
  budget.parts -= 1;
  for await (const chunk of content.decoded(part.index) as AsyncIterable<Buffer>) {
    pieces.push(decoder.write(chunk.subarray(0, budget.octets)));
    budget.octets -= Math.min(chunk.length, budget.octets);
    if (budget.octets === 0) break;
  }
  pieces.push(decoder.end());
  return pieces.join('').replaceAll('\r\n', '\n');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function textToHtml(text: string): string {
  const escaped = text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
  const paragraphs = escaped.trim().split(/\n{2,}/);
  return paragraphs.map((paragraph) => `<p>${paragraph.replaceAll('\n', '<br/>')}</p>`).join('\n');
}

/**
 * Puts links to attachments in the place of `cid:` links (RFC 2392).
 * @param links by content id without angle brackets
 */
export function replaceContentIds(text: string, links: ReadonlyMap<string, string>): string {
  if (links.size === 0) return text;
  return text.replace(
    /\bcid:([^\s"'<>()]{1,255})/gi,
    (whole, cid: string) => links.get(cid) ?? links.get(safeDecode(cid)) ?? whole,
  );
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
