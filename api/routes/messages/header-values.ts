import { domainToUnicode } from 'node:url';
import {
  decodeAddresses,
  decodeHeaderText,
  DEFAULT_MIME_LIMITS,
  firstField,
  readAddressList,
  readHeaderFields,
  unfold,
  type DecodedAddress,
  type HeaderFields,
} from '../../../lib/mime/index.ts';

/** Of one message in one answer; the rest of a longer list is left out. */
const MAX_ADDRESSES = 1000;
const MAX_REFERENCES = 1000;

/** The fields of a header block as an answer shows them: words and domains decoded. */
export class HeaderValues {
  readonly #fields: HeaderFields;

  constructor(block: Buffer) {
    this.#fields = readHeaderFields(block, DEFAULT_MIME_LIMITS);
  }

  /** Unfolded, one character an octet; undefined where there is no such field. */
  raw(name: string): string | undefined {
    const field = firstField(this.#fields, name);
    return field === undefined ? undefined : unfold(field.value).trim();
  }

  text(name: string): string | undefined {
    const raw = this.raw(name);
    return raw === undefined ? undefined : decodeHeaderText(raw);
  }

  /** All fields of the name together; undefined where there is none. */
  addresses(name: string, maxAddresses: number = MAX_ADDRESSES): DecodedAddress[] | undefined {
    const values = this.#fields.fields.filter((field) => field.name === name);
    if (values.length === 0) return undefined;
    const list = readAddressList(values.map(({ value }) => unfold(value)).join(', '), maxAddresses);
    return decodeAddresses(list.addresses).map(readableAddress);
  }

  /** `<id>` tokens of a field such as References. */
  messageIds(name: string): string[] {
    return (this.raw(name) ?? '')
      .split(/\s+|(?<=>)(?=<)/)
      .filter((token) => token !== '')
      .slice(0, MAX_REFERENCES);
  }

  /** URIs in angle brackets (RFC 2369). */
  uris(name: string): string[] {
    return [...(this.raw(name) ?? '').matchAll(/<([^<>]*)>/g)]
      .map(([, uri]) => (uri ?? '').trim())
      .slice(0, MAX_REFERENCES);
  }
}

function readableAddress(address: DecodedAddress): DecodedAddress {
  if (address.group !== undefined) return { ...address, group: address.group.map(readableAddress) };
  return { name: address.name, address: withReadableDomain(address.address) };
}

function withReadableDomain(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  if (!/(?:^|\.)xn--/i.test(domain)) return address;
  const readable = domainToUnicode(domain);
  return readable === '' ? address : `${address.slice(0, at)}@${readable}`;
}
