import { isIPv4, isIPv6 } from 'node:net';

/** What the octets at the start of a connection are, as far as they have come. */
export type ProxyHeader =
  /** Nothing is wrong with them so far. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'bad'; readonly reason: string }
  | {
      readonly kind: 'complete';
      /** Octets of the header; what follows is the client's. */
      readonly length: number;
      /** Address of the client; undefined where the proxy speaks for itself or does not know. */
      readonly source: string | undefined;
    };

const SIGNATURE_V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const SIGNATURE_V1 = Buffer.from('PROXY ', 'latin1');
/** The specification's own figure, CRLF included. */
const LONGEST_V1 = 107;
const FIXED_V2 = 16;
/** Of what follows the fixed part: addresses and what proxies say besides, certificates' names for example. */
const LONGEST_V2 = 4096;

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };

/** Reads a header of the PROXY protocol, version 1 or 2 (haproxy.org, proxy-protocol.txt), from all octets so far. */
export function readProxyHeader(octets: Buffer): ProxyHeader {
  const start = octets.subarray(0, SIGNATURE_V2.length);
  if (SIGNATURE_V2.subarray(0, start.length).equals(start)) {
    return octets.length < FIXED_V2 ? INCOMPLETE : readVersion2(octets);
  }
  const word = octets.subarray(0, SIGNATURE_V1.length);
  if (SIGNATURE_V1.subarray(0, word.length).equals(word)) return readVersion1(octets);
  return bad('it does not begin with a PROXY header');
}

function bad(reason: string): ProxyHeader {
  return { kind: 'bad', reason };
}

function readVersion1(octets: Buffer): ProxyHeader {
  const end = octets.subarray(0, LONGEST_V1).indexOf('\r\n');
  if (end < 0) return octets.length < LONGEST_V1 ? INCOMPLETE : bad('its PROXY header has no end');
  const line = octets.toString('latin1', 0, end);
  const length = end + 2;
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { kind: 'complete', length, source: undefined };
  const match = /^PROXY TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})$/.exec(line);
  if (match === null) return bad('its PROXY header is malformed');
  const [, family, source = '', target = '', sourcePort, targetPort] = match;
  const isAddress = family === '4' ? isIPv4 : isIPv6;
  const arePorts = Number(sourcePort) <= 65_535 && Number(targetPort) <= 65_535;
  if (!isAddress(source) || !isAddress(target) || source.includes('%') || !arePorts) {
    return bad('its PROXY header is malformed');
  }
  return { kind: 'complete', length, source: source.toLowerCase() };
}

function readVersion2(octets: Buffer): ProxyHeader {
  const versionAndCommand = octets[12] ?? 0;
  const family = (octets[13] ?? 0) >> 4;
  const rest = octets.readUInt16BE(14);
  if (versionAndCommand >> 4 !== 2) return bad('its PROXY header is of an unknown version');
  const command = versionAndCommand & 0x0f;
  if (command > 1) return bad('its PROXY header has an unknown command');
  if (rest > LONGEST_V2) return bad('its PROXY header is too long');
  const length = FIXED_V2 + rest;
  if (octets.length < length) return INCOMPLETE;
  // LOCAL: the proxy itself looks whether we are there; what else it says is to be passed over.
  if (command === 0) return { kind: 'complete', length, source: undefined };
  const addresses = octets.subarray(FIXED_V2, length);
  if (family === 1) {
    if (addresses.length < 12) return bad('its PROXY header is malformed');
    return { kind: 'complete', length, source: [...addresses.subarray(0, 4)].join('.') };
  }
  if (family === 2) {
    if (addresses.length < 36) return bad('its PROXY header is malformed');
    return { kind: 'complete', length, source: ipv6Text(addresses.subarray(0, 16)) };
  }
  return { kind: 'complete', length, source: undefined };
}

/** An IPv4 address in IPv6 as the former: that is how limits and networks know it. */
function ipv6Text(octets: Buffer): string {
  const isMapped = octets.subarray(0, 10).every((octet) => octet === 0) && octets.readUInt16BE(10) === 0xffff;
  if (isMapped) return [...octets.subarray(12)].join('.');
  const groups = Array.from({ length: 8 }, (_, group) => octets.readUInt16BE(group * 2).toString(16));
  return groups.join(':') === '0:0:0:0:0:0:0:1' ? '::1' : groups.join(':');
}
