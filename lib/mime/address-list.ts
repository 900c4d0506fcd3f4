import { AddressTokens } from './address-tokens.ts';
import type { AddressToken } from './address-tokens.ts';
import { decodeHeaderText, decodePlain } from './encoded-words.ts';

/** Addresses read in one message; the rest is left out. */
export const MAX_ADDRESSES = 10_000;

/** Words read of one address; more of them are no name. */
const MAX_WORDS = 1000;

/** One address as written: texts are octets in latin1, encoded words are not decoded, quoting and comments are undone. */
export interface RawMailbox {
  readonly kind: 'mailbox';
  /** The display name, or the comment behind an address without one. */
  readonly name: string | undefined;
  /** Source route (RFC 5322 section 4.4: obsolete), e.g. `@a,@b`. */
  readonly route: string | undefined;
  readonly mailbox: string;
  /** Empty where the address has no domain. */
  readonly host: string;
}

export interface RawGroup {
  readonly kind: 'group';
  readonly name: string;
  readonly members: readonly RawMailbox[];
}

export type RawAddress = RawMailbox | RawGroup;

export interface AddressList {
  readonly addresses: readonly RawAddress[];
  /** Mailboxes in it, those in groups too. */
  readonly count: number;
  readonly isTruncated: boolean;
}

/** An address as text. */
export interface DecodedAddress {
  /** '' where there is none. */
  readonly name: string;
  /** `local@domain`; '' for a group. */
  readonly address: string;
  readonly group?: readonly DecodedAddress[];
}

/**
 * Reads an address list (RFC 5322 section 3.4 with the obsolete forms of 4.4) in one pass, without recursion. Nothing
 * is an error: what is no address becomes one without a domain, a group without an end ends with the list, and a
 * semicolon outside of groups separates like a comma.
 * @param text unfolded, one character an octet (latin1)
 * @param maxAddresses how many mailboxes are read
 */
export function readAddressList(text: string, maxAddresses: number = MAX_ADDRESSES): AddressList {
  const reader = new AddressReader(text);
  const addresses: RawAddress[] = [];
  let group: { kind: 'group'; name: string; members: RawMailbox[] } | undefined;
  let count = 0;
  for (;;) {
    const element = reader.readElement(group !== undefined);
    if (element.groupName !== undefined) {
      // Groups without members count too, for they are elements of the list all the same.
      if (addresses.length + count >= maxAddresses) return { addresses, count, isTruncated: true };
      group = { kind: 'group', name: element.groupName, members: [] };
      addresses.push(group);
    } else if (element.mailbox !== undefined) {
      if (count >= maxAddresses) return { addresses, count, isTruncated: true };
      count += 1;
      if (group === undefined) addresses.push(element.mailbox);
      else group.members.push(element.mailbox);
    }
    if (element.end === 'list') return { addresses, count, isTruncated: false };
    if (element.end === ';') group = undefined;
  }
}

/** An address list as text, for people. */
export function decodeAddresses(addresses: readonly RawAddress[]): DecodedAddress[] {
  return addresses.map((address) =>
    address.kind === 'mailbox'
      ? decodeMailbox(address)
      : { name: decodeHeaderText(address.name), address: '', group: address.members.map(decodeMailbox) },
  );
}

function decodeMailbox({ name, mailbox, host }: RawMailbox): DecodedAddress {
  const isDotAtom = /^[^\s"(),:;<>@[\\\]]+$/.test(mailbox);
  // Words without a domain are a name rather than an address.
  if (host === '' && !isDotAtom) return { name: decodeHeaderText(name ?? mailbox), address: '' };
  const local = decodePlain(isDotAtom ? mailbox : `"${mailbox.replace(/["\\]/g, '\\$&')}"`);
  return {
    name: name === undefined ? '' : decodeHeaderText(name),
    address: host === '' ? local : `${local}@${decodePlain(host)}`,
  };
}

/** What stands between two separators. */
interface Element {
  readonly mailbox?: RawMailbox;
  readonly groupName?: string;
  readonly end: ',' | ';' | ':' | 'list';
}

class AddressReader {
  readonly #tokens: AddressTokens;

  constructor(text: string) {
    this.#tokens = new AddressTokens(text);
  }

  readElement(isInGroup: boolean): Element {
    const words: AddressToken[] = [];
    let hasAt = false;
    let comment: string | undefined;
    let angle: Pick<RawMailbox, 'route' | 'mailbox' | 'host'> | undefined;
    for (;;) {
      const token = this.#tokens.next();
      if (token === undefined) return finish(words, angle, comment, 'list');
      if (token.kind === 'comment') comment = token.text;
      else if (token.kind === 'special' && (token.text === ',' || token.text === ';')) {
        return finish(words, angle, comment, token.text);
      } else if (token.kind === 'special' && token.text === ':' && angle === undefined && !isInGroup) {
        if (words.length > 0 && !hasAt) return { groupName: phraseOf(words), end: ':' };
      } else if (token.kind === 'special' && token.text === '<' && angle === undefined) {
        const read = this.#readAngle();
        angle = read.address;
        if (read.end !== undefined) return finish(words, angle, comment, read.end);
      } else if (angle === undefined && words.length < MAX_WORDS && !(token.kind === 'special' && token.text === '>')) {
        words.push(token);
        hasAt ||= isAt(token);
      }
      // What follows an angle address up to the separator is no part of it.
    }
  }

  /** From behind `<` to `>`; a comma that is no part of a route ends an address that was not closed. */
  #readAngle(): { address: Pick<RawMailbox, 'route' | 'mailbox' | 'host'>; end?: ',' | ';' | 'list' } {
    let words: AddressToken[] = [];
    let route: string | undefined;
    for (;;) {
      const token = this.#tokens.next();
      if (token === undefined) return { address: { route, ...addrSpec(words) }, end: 'list' };
      if (token.kind === 'comment') continue;
      if (token.kind === 'special' && token.text === '>') return { address: { route, ...addrSpec(words) } };
      const isRoute = route === undefined && words[0]?.text === '@' && words[0].kind === 'special';
      if (token.kind === 'special' && token.text === ':' && isRoute) {
        route = words.map((word) => word.text).join('');
        words = [];
      } else if (token.kind === 'special' && (token.text === ',' || token.text === ';') && !isRoute) {
        return { address: { route, ...addrSpec(words) }, end: token.text };
      } else if (words.length < MAX_WORDS) words.push(token);
    }
  }
}

function finish(
  words: readonly AddressToken[],
  angle: Pick<RawMailbox, 'route' | 'mailbox' | 'host'> | undefined,
  comment: string | undefined,
  end: Element['end'],
): Element {
  if (angle !== undefined) {
    const name = words.length > 0 ? phraseOf(words) : comment;
    return { mailbox: { kind: 'mailbox', name, ...angle }, end };
  }
  if (words.length === 0) return { end };
  return { mailbox: { kind: 'mailbox', name: comment, route: undefined, ...addrSpec(words) }, end };
}

/** The last at sign outside quotes parts local part and domain; blanks round dots and it are obsolete and vanish. */
function addrSpec(words: readonly AddressToken[]): Pick<RawMailbox, 'mailbox' | 'host'> {
  const at = words.findLastIndex(isAt);
  if (at < 0) return { mailbox: phraseOf(words), host: '' };
  return { mailbox: compactText(words.slice(0, at)), host: compactText(words.slice(at + 1)) };
}

function isAt(word: AddressToken): boolean {
  return word.kind === 'special' && word.text === '@';
}

/** Words with one blank where there was any. */
function phraseOf(words: readonly AddressToken[]): string {
  return words.map((word, index) => (index > 0 && word.isAfterBlank ? ` ${word.text}` : word.text)).join('');
}

/** Words without blanks, but between two words that no dot parts. */
function compactText(words: readonly AddressToken[]): string {
  return words
    .map((word, index) => {
      const previous = words[index - 1];
      const isApart =
        word.isAfterBlank && previous !== undefined && !previous.text.endsWith('.') && !word.text.startsWith('.');
      return isApart ? ` ${word.text}` : word.text;
    })
    .join('');
}
