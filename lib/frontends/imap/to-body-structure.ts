import type { BodyStructure } from '../../../imap-core/index.ts';
import type { MimePart } from '../../mime/index.ts';
import { toEnvelope } from './to-envelope.ts';
import type { AddressBudget } from './to-envelope.ts';

const NOTHING = Buffer.alloc(0);

/**
 * The structure of a message. Children stand behind their parents in the table, so that going backwards meets them
 * first and needs no recursion.
 */
export function toBodyStructure(parts: readonly MimePart[], budget: AddressBudget): BodyStructure {
  const structures: BodyStructure[] = [];
  for (let index = parts.length - 1; index >= 0; index -= 1) {
    const part = parts[index];
    if (part === undefined) continue;
    const children = part.children.flatMap((child) => structures[child] ?? []);
    structures[index] = structureOf(part, children, parts[part.children[0] ?? -1], budget);
  }
  const root = structures[0];
  if (root === undefined) throw new Error('a message has at least one part');
  return root;
}

function structureOf(
  part: MimePart,
  children: readonly BodyStructure[],
  firstChild: MimePart | undefined,
  budget: AddressBudget,
): BodyStructure {
  const { disposition, language, location } = part;
  const extension = {
    disposition: disposition && { value: clean(disposition.value), parameters: cleanMap(disposition.parameters) },
    language: language?.map(clean),
    location: cleanOptional(location),
  };
  const parameters = cleanMap(part.parameters);
  if (part.kind === 'multipart')
    return { kind: 'multipart', subtype: part.subtype, parts: children, parameters, ...extension };
  const single = {
    parameters,
    id: cleanOptional(part.contentId),
    description: cleanOptional(part.description),
    encoding: clean(part.encodingName),
    octets: part.bodyEnd - part.bodyStart,
    md5: cleanOptional(part.md5),
    ...extension,
  };
  const [body] = children;
  if (part.kind === 'message' && body !== undefined) {
    const envelope = toEnvelope(firstChild?.headerOctets ?? NOTHING, budget);
    return { kind: 'message', subtype: part.subtype, envelope, body, lines: part.bodyLines, ...single };
  }
  if (part.type === 'text') return { kind: 'text', subtype: clean(part.subtype), lines: part.bodyLines, ...single };
  return { kind: 'basic', ...basicType(part), ...single };
}

/**
 * A leaf is not written as what must have something inside (the grammar of RFC 3501 section 9 wants a multipart's parts
 * and a message's envelope): messages in base64, and what was too deep or too much to be looked into.
 */
function basicType({ type, subtype }: MimePart): { type: string; subtype: string } {
  const isContainer = type === 'multipart' || (type === 'message' && (subtype === 'rfc822' || subtype === 'global'));
  return isContainer
    ? { type: 'application', subtype: 'octet-stream' }
    : { type: clean(type), subtype: clean(subtype) };
}

/** NUL is in no string of IMAP (RFC 3501 section 9, CHAR8). */
function clean(text: string): string {
  return text.replaceAll('\0', '');
}

function cleanOptional(text: string | undefined): string | undefined {
  return text === undefined ? undefined : clean(text);
}

function cleanMap(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map(Array.from(parameters, ([name, value]) => [clean(name), clean(value)]));
}
