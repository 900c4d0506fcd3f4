import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { connect, createServer } from 'node:tls';
import { createSelfSignedCertificate } from '../../lib/certificates/index.ts';
import { integer, objectIdentifier, tagged, time } from '../../lib/certificates/der.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const DAY_MS = 86_400_000;

describe('DER', () => {
  const hex = (octets: Buffer): string => octets.toString('hex');
  it('writes lengths in the shortest form', () => {
    assert.equal(hex(tagged(4, Buffer.alloc(0x7f)).subarray(0, 2)), '047f');
    assert.equal(hex(tagged(4, Buffer.alloc(0x80)).subarray(0, 3)), '048180');
    assert.equal(hex(tagged(4, Buffer.alloc(0xff)).subarray(0, 3)), '0481ff');
    assert.equal(hex(tagged(4, Buffer.alloc(0x100)).subarray(0, 4)), '04820100');
    assert.equal(hex(tagged(4, Buffer.alloc(0x10000)).subarray(0, 5)), '0483010000');
  });
  it('writes positive integers in the fewest octets', () => {
    assert.equal(hex(integer(Buffer.from([0]))), '020100');
    assert.equal(hex(integer(Buffer.from([0, 0, 0x7f]))), '02017f');
    assert.equal(hex(integer(Buffer.from([0x80]))), '02020080');
  });
  it('writes object identifiers', () => {
    assert.equal(hex(objectIdentifier('1.2.840.10045.4.3.2')), '06082a8648ce3d040302');
    assert.equal(hex(objectIdentifier('2.5.29.17')), '0603551d11');
  });
  it('changes the form of times with 2050', () => {
    assert.equal(
      time(Date.UTC(2049, 11, 31, 23, 59, 59))
        .subarray(2)
        .toString(),
      '491231235959Z',
    );
    assert.equal(
      time(Date.UTC(2050, 0, 1))
        .subarray(2)
        .toString(),
      '20500101000000Z',
    );
  });
});

describe('a certificate that signs itself', () => {
  const made = createSelfSignedCertificate({
    names: ['mail.example.com', 'localhost', '127.0.0.1', '::1', 'fe80::1:2', '::ffff:192.0.2.1'],
    notBefore: NOW,
    notAfter: NOW + 800 * DAY_MS,
  });
  const certificate = new X509Certificate(made.certificate);

  it('is read by another implementation', () => {
    assert.equal(certificate.subject, 'CN=mail.example.com');
    assert.equal(certificate.ca, false);
    assert.equal(Date.parse(certificate.validFrom), NOW);
    assert.equal(Date.parse(certificate.validTo), NOW + 800 * DAY_MS);
    assert.ok(certificate.verify(certificate.publicKey));
    assert.ok(certificate.checkPrivateKey(createPrivateKey(made.privateKey)));
  });

  it('is good for each of its names and no other', () => {
    assert.ok(certificate.checkHost('localhost'));
    assert.ok(certificate.checkHost('mail.example.com'));
    for (const address of ['127.0.0.1', '::1', 'fe80::1:2', '::ffff:192.0.2.1'])
      assert.ok(certificate.checkIP(address), address);
    assert.equal(certificate.checkHost('example.com'), undefined);
    assert.equal(certificate.checkIP('127.0.0.2'), undefined);
  });

  it('has another key and serial number each time', () => {
    const other = new X509Certificate(
      createSelfSignedCertificate({ names: ['a'], notBefore: 0, notAfter: NOW }).certificate,
    );
    assert.notEqual(other.serialNumber, certificate.serialNumber);
    assert.notEqual(other.fingerprint256, certificate.fingerprint256);
  });

  it('is trusted by a client that is given it', async () => {
    const own = createSelfSignedCertificate({
      names: ['localhost', '127.0.0.1'],
      notBefore: Date.now() - DAY_MS,
      notAfter: Date.now() + DAY_MS,
    });
    const server = createServer({ cert: own.certificate, key: own.privateKey }, (socket) => socket.end('hello'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const client = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, ca: own.certificate });
      const [data] = (await once(client, 'data')) as [Buffer];
      assert.equal(data.toString(), 'hello');
      assert.equal(client.authorized, true);
      client.destroy();
    } finally {
      server.close();
    }
  });
});
