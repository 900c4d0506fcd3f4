import { firstField, unfold } from './header-fields.ts';
import type { HeaderFields } from './header-fields.ts';
import { readParameterisedValue } from './parameterised-value.ts';
import type { MimeLimits, MimePart, TransferEncoding } from './scanner.ts';

/** What a part's header says about its body. */
export type PartHeader = Pick<
  MimePart,
  | 'type'
  | 'subtype'
  | 'parameters'
  | 'encoding'
  | 'encodingName'
  | 'contentId'
  | 'description'
  | 'md5'
  | 'disposition'
  | 'language'
  | 'location'
>;

const TOKEN = /^[^\s"(),/:;<=>?@[\\\]]+$/;

const ENCODINGS = new Map<string, TransferEncoding>([
  ['', '7bit'],
  ['7bit', '7bit'],
  ['8bit', '8bit'],
  ['binary', 'binary'],
  ['base64', 'base64'],
  ['quoted-printable', 'quoted-printable'],
]);

/**
 * @param isInDigest whether the part stands in a multipart/digest, where the default type is message/rfc822
 *   (RFC 2046 section 5.1.5)
 */
export function readPartHeader(header: HeaderFields, isInDigest: boolean, limits: MimeLimits): PartHeader {
  const contentType = readContentType(textOf(header, 'content-type'), isInDigest, limits);
  const encodingName = readEncodingName(textOf(header, 'content-transfer-encoding') ?? '');
  const disposition = textOf(header, 'content-disposition');
  const language = textOf(header, 'content-language');
  return {
    ...contentType,
    encoding: ENCODINGS.get(encodingName.toLowerCase().replaceAll(' ', '')) ?? 'other',
    encodingName: encodingName === '' ? '7BIT' : encodingName,
    contentId: textOf(header, 'content-id'),
    description: textOf(header, 'content-description'),
    md5: textOf(header, 'content-md5'),
    disposition: disposition === undefined ? undefined : readDisposition(disposition, limits),
    language: language === undefined ? undefined : readLanguages(language, limits),
    location: textOf(header, 'content-location'),
  };
}

/** Octets of the fields that `readPartHeader` reads texts from: what a part keeps is no more than these. */
export function partHeaderOctets(header: HeaderFields): number {
  return header.fields.reduce((sum, { name, value }) => (name.startsWith('content-') ? sum + value.length : sum), 0);
}

/** Texts longer than this are not kept of a part that is over the budget. */
const MAX_REDUCED = 200;

/** What is kept of a part that is over the budget: what its body is, and no more. Texts are copies, lest fields stay. */
export function reducePartHeader(header: PartHeader): PartHeader {
  const isShort = [header.type, header.subtype].every((text) => text.length <= MAX_REDUCED);
  const names = ['boundary', 'charset'].filter((name) => (header.parameters.get(name)?.length ?? 0) <= MAX_REDUCED);
  return {
    ...EMPTY_HEADER,
    type: isShort ? copyOf(header.type) : EMPTY_HEADER.type,
    subtype: isShort ? copyOf(header.subtype) : EMPTY_HEADER.subtype,
    parameters: new Map(
      names.flatMap((name) => {
        const text = header.parameters.get(name);
        return text === undefined ? [] : [[name, copyOf(text)]];
      }),
    ),
    encoding: header.encoding,
    encodingName: header.encodingName.length <= MAX_REDUCED ? copyOf(header.encodingName) : 'X-UNKNOWN',
  };
}

/** A string that does not keep alive the long one that it was cut from. */
function copyOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

/** What holds for a part without a header (RFC 2045 section 5.2). */
export const EMPTY_HEADER: PartHeader = {
  type: 'text',
  subtype: 'plain',
  parameters: new Map(),
  encoding: '7bit',
  encodingName: '7BIT',
  contentId: undefined,
  description: undefined,
  md5: undefined,
  disposition: undefined,
  language: undefined,
  location: undefined,
};

function readContentType(
  text: string | undefined,
  isInDigest: boolean,
  limits: MimeLimits,
): Pick<MimePart, 'type' | 'subtype' | 'parameters'> {
  if (text !== undefined) {
    const { value, parameters } = readParameterisedValue(text, limits.parameters);
    const slash = value.indexOf('/');
    const type = value.slice(0, slash);
    const subtype = value.slice(slash + 1);
    if (slash > 0 && TOKEN.test(type) && TOKEN.test(subtype)) return { type, subtype, parameters };
  }
  return isInDigest
    ? { type: 'message', subtype: 'rfc822', parameters: new Map() }
    : { type: 'text', subtype: 'plain', parameters: new Map() };
}

/** In upper case, without comments and what a semicolon adds. */
function readEncodingName(text: string): string {
  const plain = text.replace(/\([^()]*\)/g, ' ');
  const semicolon = plain.indexOf(';');
  return (semicolon < 0 ? plain : plain.slice(0, semicolon)).trim().toUpperCase();
}

function readDisposition(text: string, limits: MimeLimits): MimePart['disposition'] {
  const { value, parameters } = readParameterisedValue(text, limits.parameters);
  if (value !== '') return { value, parameters };
  // Parameters without a type: a type not known is an attachment (RFC 2183 section 2.8).
  return parameters.size === 0 ? undefined : { value: 'attachment', parameters };
}

/** RFC 3282: a list of language tags between commas. */
function readLanguages(text: string, limits: MimeLimits): readonly string[] | undefined {
  const tags: string[] = [];
  let rest = text;
  while (tags.length < limits.parameters) {
    const comma = rest.indexOf(',');
    const tag = (comma < 0 ? rest : rest.slice(0, comma)).trim();
    if (tag !== '') tags.push(tag);
    if (comma < 0) break;
    rest = rest.slice(comma + 1);
  }
  return tags.length === 0 ? undefined : tags;
}

/** The first field of that name, unfolded; undefined where there is none or it is empty. */
function textOf(header: HeaderFields, name: string): string | undefined {
  const field = firstField(header, name);
  const text = field === undefined ? '' : unfold(field.value);
  return text === '' ? undefined : text;
}
