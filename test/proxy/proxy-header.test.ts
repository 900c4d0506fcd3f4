import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createNetworks } from '../../lib/proxy/index.ts';
import { readProxyHeader } from '../../lib/proxy/proxy-header.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

function version2(command: number, family: number, rest: Buffer, length = rest.length): Buffer {
  const fixed = Buffer.from([command, family, length >> 8, length & 0xff]);
  return Buffer.concat([SIGNATURE, fixed, rest]);
}

const IPV4 = Buffer.from([192, 0, 2, 7, 10, 0, 0, 1, 0x10, 0, 0, 143]);
const IPV6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from([0x10, 0, 0, 143]),
]);
const MAPPED = Buffer.concat([Buffer.from('00000000000000000000ffffc0000207', 'hex'), Buffer.alloc(20)]);
const EXTENSIONS = Buffer.concat([IPV4, Buffer.from([0x03, 0, 4, 1, 2, 3, 4]), Buffer.alloc(300, 0x04)]);

const COMPLETE: readonly (readonly [string, Buffer, string | undefined])[] = [
  ['v1 TCP4', Buffer.from('PROXY TCP4 192.0.2.7 10.0.0.1 4096 143\r\n'), '192.0.2.7'],
  ['v1 TCP6', Buffer.from('PROXY TCP6 2001:DB8::7 ::1 4096 143\r\n'), '2001:db8::7'],
  ['v1 UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), undefined],
  ['v1 UNKNOWN with addresses', Buffer.from('PROXY UNKNOWN ff::1 ff::2 1 2\r\n'), undefined],
  ['v2 TCP4', version2(0x21, 0x11, IPV4), '192.0.2.7'],
  ['v2 TCP6', version2(0x21, 0x21, IPV6), '2001:db8:0:0:0:0:0:7'],
  ['v2 TCP6 of an IPv4 client', version2(0x21, 0x21, MAPPED), '192.0.2.7'],
  ['v2 with extensions', version2(0x21, 0x11, EXTENSIONS), '192.0.2.7'],
  ['v2 LOCAL', version2(0x20, 0x00, Buffer.alloc(0)), undefined],
  ['v2 LOCAL that says something', version2(0x20, 0x11, IPV4), undefined],
  ['v2 over a Unix socket', version2(0x21, 0x31, Buffer.alloc(216)), undefined],
];

const BAD: readonly (readonly [string, Buffer])[] = [
  ['nothing of the kind', Buffer.from('a LOGIN b c\r\n')],
  ['a first octet of TLS', Buffer.from([0x16, 3, 1])],
  ['v1 in lower case', Buffer.from('proxy TCP4 192.0.2.7 10.0.0.1 1 2\r\n')],
  ['v1 with no address', Buffer.from('PROXY TCP4 x 10.0.0.1 1 2\r\n')],
  ['v1 with the other family', Buffer.from('PROXY TCP4 ::1 ::2 1 2\r\n')],
  ['v1 with a scope', Buffer.from('PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n')],
  ['v1 with a port too high', Buffer.from('PROXY TCP4 192.0.2.7 10.0.0.1 65536 2\r\n')],
  ['v1 with too few words', Buffer.from('PROXY TCP4 192.0.2.7\r\n')],
  ['v1 with more words', Buffer.from('PROXY TCP4 192.0.2.7 10.0.0.1 1 2 3\r\n')],
  ['v1 with two blanks', Buffer.from('PROXY  TCP4 192.0.2.7 10.0.0.1 1 2\r\n')],
  ['v1 without an end', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(200)}\r\n`)],
  ['v1 with a bare LF', Buffer.from(`PROXY TCP4 192.0.2.7 10.0.0.1 1 2\n${'x'.repeat(100)}`)],
  ['v2 of version 1', version2(0x11, 0x11, IPV4)],
  ['v2 with another command', version2(0x22, 0x11, IPV4)],
  ['v2 with addresses cut off', version2(0x21, 0x11, IPV4.subarray(0, 8))],
  ['v2 with IPv6 addresses cut off', version2(0x21, 0x21, IPV6.subarray(0, 35))],
  ['v2 that announces 64 KiB', version2(0x21, 0x11, IPV4, 65_535)],
];

describe('PROXY headers', () => {
  for (const [name, octets, source] of COMPLETE) {
    it(`${name}, alone, with more behind it, and at every cut`, () => {
      const expected = { kind: 'complete', length: octets.length, source };
      assert.deepEqual(readProxyHeader(octets), expected);
      assert.deepEqual(readProxyHeader(Buffer.concat([octets, Buffer.from('\r\nPROXY a LOGIN')])), expected);
      for (let cut = 0; cut < octets.length; cut += 1) {
        assert.deepEqual(readProxyHeader(octets.subarray(0, cut)), { kind: 'incomplete' }, `cut at ${String(cut)}`);
      }
    });
  }
  for (const [name, octets] of BAD) it(`bad: ${name}`, () => assert.equal(readProxyHeader(octets).kind, 'bad'));
});

describe('networks', () => {
  it('hold their addresses, however they are written', () => {
    const networks = createNetworks(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1']);
    for (const inside of ['10.1.2.3', '::ffff:10.1.2.3', '192.0.2.7', '2001:db8:1::2', '::1']) {
      assert.ok(networks.has(inside), inside);
    }
    for (const outside of ['11.0.0.1', '192.0.2.8', '2001:db9::1', '::2', '', 'x', '10.0.0.1/8']) {
      assert.ok(!networks.has(outside), outside);
    }
    assert.ok(createNetworks([]).isEmpty);
  });
  for (const text of ['', 'x', '10.0.0.0/33', '::1/129', '10.0.0.0/8/8', '10.0.0.0/', '10.0.0.0/-1', 'fe80::1%eth0']) {
    it(`are none: ${JSON.stringify(text)}`, () => assert.throws(() => createNetworks([text]), RangeError));
  }
});
