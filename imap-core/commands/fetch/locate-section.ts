import type { SectionSpec } from '../../protocol/section-spec.ts';
import type { MessageContent, MessagePart } from '../../session/message-content.ts';

/** Octets [start, end) of the whole message. */
export interface OctetSpan {
  readonly start: number;
  readonly end: number;
}

type Parts = readonly MessagePart[];

function childOf(parts: Parts, part: MessagePart, number: number): MessagePart | undefined {
  const index = part.children[number - 1];
  return index === undefined ? undefined : parts[index];
}

/** The part of that number in a message whose root is given: a message that is not multipart has one, numbered 1. */
function partOfMessage(parts: Parts, root: MessagePart, number: number): MessagePart | undefined {
  if (root.kind === 'multipart') return childOf(parts, root, number);
  return number === 1 ? root : undefined;
}

function embeddedIn(parts: Parts, part: MessagePart): MessagePart | undefined {
  return part.kind === 'message' ? childOf(parts, part, 1) : undefined;
}

/** The part that the numbers lead to (RFC 3501 section 6.4.5). */
function locatePart(parts: Parts, root: MessagePart, path: readonly number[]): MessagePart | undefined {
  let part: MessagePart | undefined;
  for (const number of path) {
    if (part === undefined) {
      part = partOfMessage(parts, root, number);
    } else if (part.kind === 'multipart') {
      part = childOf(parts, part, number);
    } else {
      const embedded = embeddedIn(parts, part);
      part = embedded === undefined ? undefined : partOfMessage(parts, embedded, number);
    }
    if (part === undefined) return undefined;
  }
  return part;
}

/** Where the section's octets are; undefined where the message has no such section. */
export function locateSection(
  content: Pick<MessageContent, 'parts' | 'size'>,
  spec: SectionSpec,
): OctetSpan | undefined {
  const root = content.parts[0];
  if (spec.path.length === 0) {
    if (spec.what === 'whole') return { start: 0, end: content.size };
    return root === undefined ? undefined : headerOrText(root, spec);
  }
  const part = root === undefined ? undefined : locatePart(content.parts, root, spec.path);
  if (part === undefined) return undefined;
  if (spec.what === 'whole') return { start: part.bodyStart, end: part.bodyEnd };
  if (spec.what === 'mime') return { start: part.headerStart, end: part.bodyStart };
  // HEADER and TEXT behind a part number are those of the message that it holds.
  const embedded = embeddedIn(content.parts, part);
  return embedded === undefined ? undefined : headerOrText(embedded, spec);
}

function headerOrText(root: MessagePart, { what }: SectionSpec): OctetSpan {
  return what === 'text'
    ? { start: root.bodyStart, end: root.bodyEnd }
    : { start: root.headerStart, end: root.bodyStart };
}
