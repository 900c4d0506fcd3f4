import { decodeCharset } from './charset.ts';
import { decodeHeaderText } from './encoded-words.ts';
import type { MimePart } from './scanner.ts';

const EXTENDED = /^([^']*)'([^']*)'(.*)$/s;

/**
 * A parameter as text: the extended value (RFC 2231) where there is one, else the plain one, in which encoded words
 * are decoded although RFC 2047 section 5 forbids them there: much mail is written so.
 * @param name lower case
 */
export function parameterText(parameters: ReadonlyMap<string, string>, name: string): string | undefined {
  const extended = parameters.get(`${name}*`);
  if (extended !== undefined) return decodeExtended(extended);
  const plain = parameters.get(name);
  return plain === undefined ? undefined : decodeHeaderText(plain);
}

/**
 * The name of the file that a part holds, from Content-Disposition or else Content-Type; undefined where it has none.
 * It is what the sender wrote: paths and controls are for whoever makes a file of it to deal with.
 */
export function filenameOf(part: Pick<MimePart, 'disposition' | 'parameters'>): string | undefined {
  const name =
    (part.disposition === undefined ? undefined : parameterText(part.disposition.parameters, 'filename')) ??
    parameterText(part.parameters, 'name');
  return name === '' ? undefined : name;
}

function decodeExtended(value: string): string {
  const match = EXTENDED.exec(value);
  const octets = percentDecoded(match?.[3] ?? value);
  return decodeCharset(octets, match?.[1]);
}

function percentDecoded(text: string): Buffer {
  return Buffer.from(
    text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  );
}
