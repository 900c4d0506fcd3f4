import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import {
  bitString,
  boolean,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  tagged,
  time,
  utf8String,
} from './der.ts';

export interface KeyAndCertificate {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly privateKey: string;
}

export interface SelfSignedOptions {
  /** Host names and IP addresses that it is good for; the first is its common name. */
  readonly names: readonly [string, ...string[]];
  /** ms since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

const Oid = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;

/**
 * A certificate for a server that has none yet (RFC 5280): P-256, signed by itself, no authority over others. Node
 * makes keys and signatures but no certificates; this one shape needs a page, a library would bring a dozen packages.
 */
export function createSelfSignedCertificate(options: SelfSignedOptions): KeyAndCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keyInfo = publicKey.export({ type: 'spki', format: 'der' });
  const algorithm = sequence(objectIdentifier(Oid.ecdsaWithSha256));
  const name = sequence(setOf(sequence(objectIdentifier(Oid.commonName), utf8String(options.names[0].slice(0, 64)))));
  const serial = randomBytes(16);
  // Positive and of full length, whatever was drawn (RFC 5280 section 4.1.2.2).
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f);
  const content = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    algorithm,
    name,
    sequence(time(options.notBefore), time(options.notAfter)),
    name,
    keyInfo,
    tagged(0xa3, sequence(...extensions(options.names, keyInfo))),
  );
  const signature = sign('sha256', content, { key: privateKey, dsaEncoding: 'der' });
  return {
    certificate: pem('CERTIFICATE', sequence(content, algorithm, bitString(signature))),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function extensions(names: readonly string[], keyInfo: Buffer): readonly Buffer[] {
  const identifier = createHash('sha256').update(keyInfo).digest().subarray(0, 20);
  return [
    extension(Oid.basicConstraints, true, sequence()),
    // digitalSignature: bit 0, so seven bits of the octet are unused.
    extension(Oid.keyUsage, true, bitString(Buffer.from([0x80]), 7)),
    extension(Oid.extendedKeyUsage, false, sequence(objectIdentifier(Oid.serverAuth))),
    extension(Oid.subjectKeyIdentifier, false, octetString(identifier)),
    extension(Oid.subjectAltName, false, sequence(...names.map(generalName))),
  ];
}

function extension(oid: string, isCritical: boolean, value: Buffer): Buffer {
  // DER leaves a default out.
  return sequence(objectIdentifier(oid), ...(isCritical ? [boolean(true)] : []), octetString(value));
}

/** dNSName or iPAddress (RFC 5280 section 4.2.1.6). */
function generalName(name: string): Buffer {
  return isIP(name) === 0 ? tagged(0x82, Buffer.from(name, 'latin1')) : tagged(0x87, addressOctets(name));
}

function addressOctets(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // The URL parser writes out every form of IPv6, embedded IPv4 included, as hexadecimal groups.
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const groups = (text: string | undefined): number[] =>
    text === undefined || text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const before = groups(head);
  const after = groups(tail);
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
