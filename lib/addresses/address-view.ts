import { domainToASCII, domainToUnicode } from 'node:url';

/** RFC 5321 section 4.5.3.1, in octets of UTF-8 (RFC 6531); only for addresses of our own users. */
const MAX_LOCAL_OCTETS = 64;
const MAX_DOMAIN_OCTETS = 255;
/** A lookup may carry a long label behind its `+`; past this nothing can be one of ours. */
const MAX_LOOKUP_CHARACTERS = 1024;

/** RFC 5322 atext, dots, and what RFC 6531 adds; no quoted strings, no controls, no invisible characters. */
const LOCAL_PART = /^[^\p{C}\p{Z}"(),:;<>@[\\\]]+$/u;
/** Letters, digits, marks, hyphens and underscores in labels; percent signs would be decoded by the URL rules. */
const DOMAIN = /^[\p{L}\p{N}\p{M}_-]+(?:\.[\p{L}\p{N}\p{M}_-]+)*$/u;

interface AddressParts {
  readonly local: string;
  /** Unicode, lower case. */
  readonly domain: string;
}

function split(text: string): AddressParts | undefined {
  if (text.length > MAX_LOOKUP_CHARACTERS) return undefined;
  const composed = text.normalize('NFC');
  const at = composed.lastIndexOf('@');
  const local = composed.slice(0, at);
  if (at <= 0 || !LOCAL_PART.test(local)) return undefined;
  const domain = normaliseDomain(composed.slice(at + 1));
  return domain === undefined ? undefined : { local, domain };
}

/** A domain in Unicode and lower case, `xn--` labels decoded; undefined where it is none (UTS 46). */
export function normaliseDomain(text: string): string | undefined {
  if (text.length > MAX_DOMAIN_OCTETS || !DOMAIN.test(text)) return undefined;
  const ascii = domainToASCII(text);
  if (ascii === '' || ascii.length > MAX_DOMAIN_OCTETS) return undefined;
  return domainToUnicode(ascii).normalize('NFC');
}

function viewOf(local: string, domain: string): string | undefined {
  const bare = local.toLowerCase().normalize('NFC').replaceAll('.', '');
  return bare === '' ? undefined : `${bare}@${domain}`;
}

/**
 * What makes an address unique: NFC, lower case, no dots in the local part, the domain in Unicode. A label
 * (`+label`) is kept. Undefined where the text is not an address.
 */
export function addressView(text: string): string | undefined {
  const parts = split(text);
  return parts === undefined ? undefined : viewOf(parts.local, parts.domain);
}

/** As `addressView`, with the label dropped: whom mail to this address is for (RFC 5233). */
export function recipientView(text: string): string | undefined {
  const parts = split(text);
  if (parts === undefined) return undefined;
  const plus = parts.local.indexOf('+');
  return viewOf(plus === -1 ? parts.local : parts.local.slice(0, plus), parts.domain);
}

/** The address without its label, otherwise as written. */
export function withoutLabel(address: string): string {
  const at = address.lastIndexOf('@');
  const plus = address.indexOf('+');
  return plus === -1 || plus > at ? address : address.slice(0, plus) + address.slice(at);
}

/** Why the text cannot be an address of one of our users, as a sentence; undefined where it can. */
export function addressFault(text: string): string | undefined {
  const parts = split(text);
  if (parts === undefined) return 'is not an e-mail address';
  if (Buffer.byteLength(parts.local) > MAX_LOCAL_OCTETS)
    return `has a local part of more than ${MAX_LOCAL_OCTETS} octets`;
  if (parts.local.includes('+')) return 'must not hold a label (+)';
  if (parts.local.includes('*')) return 'must not hold a wildcard (*)';
  if (parts.local.startsWith('.') || parts.local.endsWith('.') || parts.local.includes('..'))
    return 'has a misplaced dot';
  return undefined;
}
