import type { MessageContent, StoredPart } from '../messages/index.ts';
import {
  createCharsetDecoder,
  decodeHeaderText,
  DEFAULT_MIME_LIMITS,
  readHeaderFields,
  unfold,
} from '../mime/index.ts';
import { foldCase, TextFinder } from './text-finder.ts';

/** In the named header field; '' matches every message that has the field (RFC 3501 section 6.4.4). */
export interface HeaderTerm {
  readonly kind: 'header';
  readonly field: string;
  readonly value: string;
}

/** What to look for in a message's content. */
export type SearchTerm =
  | HeaderTerm
  /** In the text of the body: text parts, and the headers of messages inside. */
  | { readonly kind: 'body'; readonly value: string }
  /** In header or body. */
  | { readonly kind: 'text'; readonly value: string };

/**
 * Which of the terms a message matches, one octet (0 or 1) a term. Encoded words, transfer encodings and charsets
 * are decoded; case is disregarded. The body is read only where a term needs it, and only as far as needed.
 * @throws the signal's reason once it is aborted; MailError where the content cannot be read
 */
export async function matchTerms(
  content: MessageContent,
  terms: readonly SearchTerm[],
  signal: AbortSignal,
): Promise<Uint8Array> {
  const found = new Uint8Array(terms.length);
  const header = await readHeader(content, content.parts[0]);
  for (const [index, term] of terms.entries()) {
    if (term.kind === 'header') found[index] = header.matches(term.field, term.value) ? 1 : 0;
    if (term.kind === 'text') found[index] = header.holds(term.value) ? 1 : 0;
  }
  const open = [...terms.entries()].filter(([index, term]) => term.kind !== 'header' && found[index] === 0);
  if (open.length === 0) return found;
  const finder = new TextFinder(open.map(([, { value }]) => value));
  await searchBody(content, finder, signal);
  for (const [position, [index]] of open.entries()) if (finder.isFound(position)) found[index] = 1;
  return found;
}

/**
 * As `matchTerms`, from header fields alone: of the terms all name fields that the octets hold whenever the message has
 * them. Only those fields are decoded.
 */
export function matchHeaderTerms(fields: Buffer, terms: readonly HeaderTerm[]): Uint8Array {
  const names = new Set(terms.map(({ field }) => field.toLowerCase()));
  const header = decodeHeader(fields, (name) => names.has(name));
  return Uint8Array.from(terms, ({ field, value }) => (header.matches(field, value) ? 1 : 0));
}

async function searchBody(content: MessageContent, finder: TextFinder, signal: AbortSignal): Promise<void> {
  for (const part of content.parts) {
    signal.throwIfAborted();
    if (finder.isDone) return;
    finder.cut();
    const isEmbedded = part.parent >= 0 && content.parts[part.parent]?.kind === 'message';
    if (isEmbedded) finder.write((await readHeader(content, part)).text());
    finder.cut();
    if (part.kind === 'leaf' && (part.type === 'text' || part.type === 'message')) {
      await searchLeaf(content, part, finder, signal);
    }
  }
}

async function searchLeaf(
  content: MessageContent,
  part: StoredPart,
  finder: TextFinder,
  signal: AbortSignal,
): Promise<void> {
  const charset = createCharsetDecoder(part.charset);
  // Leaving the loop early destroys the stream.
  for await (const octets of content.decoded(part.index) as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    finder.write(charset.write(octets));
    if (finder.isDone) return;
  }
  finder.write(charset.end());
}

/** A header block with its fields decoded. */
class DecodedHeader {
  readonly #fields: readonly { readonly name: string; readonly value: string }[];

  constructor(fields: readonly { readonly name: string; readonly value: string }[]) {
    this.#fields = fields;
  }

  matches(field: string, value: string): boolean {
    const name = field.toLowerCase();
    const wanted = foldCase(value);
    return this.#fields.some((candidate) => candidate.name === name && foldCase(candidate.value).includes(wanted));
  }

  holds(value: string): boolean {
    const wanted = foldCase(value);
    return this.#fields.some(({ name, value: text }) => foldCase(`${name}: ${text}`).includes(wanted));
  }

  text(): string {
    return this.#fields.map(({ name, value }) => `${name}: ${value}\n`).join('');
  }
}

async function readHeader(content: MessageContent, part: StoredPart | undefined): Promise<DecodedHeader> {
  if (part === undefined) return new DecodedHeader([]);
  const end = Math.min(part.bodyStart, part.headerStart + DEFAULT_MIME_LIMITS.headerOctets);
  return decodeHeader(await content.readRange(part.headerStart, end), () => true);
}

function decodeHeader(octets: Buffer, isWanted: (name: string) => boolean): DecodedHeader {
  const fields: { readonly name: string; readonly value: string }[] = [];
  for (const { name, value } of readHeaderFields(octets, DEFAULT_MIME_LIMITS).fields)
    if (isWanted(name)) fields.push({ name, value: decodeHeaderText(unfold(value)) });
  return new DecodedHeader(fields);
}
