import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { traceFields, type TraceFacts } from '../../lib/delivery/trace-fields.ts';

const FACTS: TraceFacts = {
  reversePath: 'sender@example.org',
  recipient: 'user@example.com',
  helo: 'mx.example.org',
  remoteAddress: '192.0.2.1',
  hostname: 'mail.example.com',
  protocol: 'LMTP',
  id: 'abc123',
  at: Date.UTC(2026, 10, 2, 5, 4, 9),
};

function fields(change: Partial<TraceFacts>): string {
  return traceFields({ ...FACTS, ...change }).toString('utf8');
}

describe('trace fields', () => {
  it('are three fields with CRLF line ends', () => {
    assert.equal(
      fields({}),
      'Return-Path: <sender@example.org>\r\n' +
        'Delivered-To: user@example.com\r\n' +
        'Received: from mx.example.org ([192.0.2.1])\r\n' +
        '\tby mail.example.com with LMTP id abc123\r\n' +
        '\tfor <user@example.com>; Mon, 2 Nov 2026 05:04:09 +0000\r\n',
    );
  });

  const FROM: readonly (readonly [string, string, string])[] = [
    ['mx.example.org', '192.0.2.1', 'mx.example.org ([192.0.2.1])'],
    ['localhost', '::1', 'localhost ([IPv6:::1])'],
    ['[192.0.2.7]', '192.0.2.7', '[192.0.2.7] ([192.0.2.7])'],
    ['[IPv6:2001:db8::1]', '2001:db8::1', '[IPv6:2001:db8::1] ([IPv6:2001:db8::1])'],
    ['host', '::ffff:192.0.2.1', 'host ([192.0.2.1])'],
    ['host', 'fe80::1%eth0', 'host ([IPv6:fe80::1])'],
    ['host', '', 'host'],
    ['', '', 'localhost'],
    ['', '192.0.2.1', '[192.0.2.1] ([192.0.2.1])'],
    ['evil\r\nX-Injected: yes', '192.0.2.1', '[192.0.2.1] ([192.0.2.1])'],
    ['a b', '192.0.2.1', '[192.0.2.1] ([192.0.2.1])'],
    ['(comment', '192.0.2.1', '[192.0.2.1] ([192.0.2.1])'],
    ['a..b', '192.0.2.1', '[192.0.2.1] ([192.0.2.1])'],
    ['[not an address]', '192.0.2.1', '[192.0.2.1] ([192.0.2.1])'],
    ['bücher.example', '192.0.2.1', '[192.0.2.1] ([192.0.2.1])'],
    [`${'a'.repeat(63)}.`.repeat(5), '192.0.2.1', '[192.0.2.1] ([192.0.2.1])'],
  ];
  for (const [helo, remoteAddress, expected] of FROM) {
    it(`names the peer ${JSON.stringify(helo.slice(0, 40))} at ${JSON.stringify(remoteAddress)}`, () => {
      assert.ok(fields({ helo, remoteAddress }).includes(`\r\nReceived: from ${expected}\r\n\tby `));
    });
  }

  it('keeps the null reverse path', () => {
    assert.ok(fields({ reversePath: '' }).startsWith('Return-Path: <>\r\n'));
  });

  it('keeps addresses beyond ASCII as UTF-8', () => {
    const text = fields({ recipient: 'jürgen@bücher.example', protocol: 'UTF8LMTP' });
    assert.match(text, /^Delivered-To: jürgen@bücher\.example\r$/m);
    assert.match(text, /with UTF8LMTP id/);
  });

  it('stays three fields whatever the addresses hold', () => {
    for (let code = 0; code < 0x300; code += 1) {
      const odd = `a${String.fromCharCode(code)}X-Injected: b\ud800\u202e\u2028@example.org`;
      const text = fields({ reversePath: odd, recipient: odd, helo: odd, hostname: odd, id: odd, remoteAddress: odd });
      const lines = text.split('\r\n');
      assert.equal(lines.length, 6);
      assert.deepEqual(
        lines.map((line) => line.slice(0, 1)),
        ['R', 'D', 'R', '\t', '\t', ''],
      );
      assert.doesNotMatch(
        text.replaceAll('\r\n\t', ' ').replaceAll('\r\n', ''),
        /[\u0000-\u001f\u007f-\u009f\u2028\u202e]/,
      );
    }
  });

  it('bounds its lines', () => {
    const long = 'x'.repeat(100_000);
    for (const line of fields({ reversePath: long, recipient: long, helo: long, hostname: long, id: long }).split(
      '\r\n',
    )) {
      assert.ok(line.length <= 998, String(line.length));
    }
  });
});
