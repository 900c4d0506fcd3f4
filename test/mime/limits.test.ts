import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMimeScanner, DEFAULT_MIME_LIMITS, MAX_ADDRESSES, readAddressList } from '../../lib/mime/index.ts';
import type { MimePart, ScannedMessage } from '../../lib/mime/index.ts';
import { scan, scanAndRecord } from '../support/scan.ts';

const nested = (depth: number): string =>
  Array.from(
    { length: depth - 1 },
    (_, at) => `Content-Type: multipart/mixed; boundary=b${at}.\r\n\r\n--b${at}.\r\n`,
  ).join('') + '\r\nleaf';

const nestedMessages = (depth: number): string => 'Content-Type: message/rfc822\r\n\r\n'.repeat(depth - 1) + '\r\nleaf';

const manyParts = (children: number): string =>
  `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(children)}--b--\r\n`;

const headerOf = (octets: number): string => {
  const last = 'Content-Type: text/html\r\n';
  const fill = octets - last.length;
  const fields = Math.floor(fill / 20_000);
  const pad = (length: number): string => `X: ${'x'.repeat(length - 5)}\r\n`;
  return pad(20_000).repeat(fields - 1) + pad(20_000 + (fill % 20_000)) + last + '\r\nbody';
};

/** What the limit lets through at n - 1 and n, and what it does at n + 1. */
function around(limit: number, make: (n: number) => string): [ScannedMessage, ScannedMessage, ScannedMessage] {
  return [scan(make(limit - 1)), scan(make(limit)), scan(make(limit + 1))];
}

const typeOf = (part: MimePart | undefined): string => `${part?.kind} ${part?.type}/${part?.subtype}`;

describe('limits of the scanner', () => {
  it('are those that are promised', () => {
    assert.deepEqual(DEFAULT_MIME_LIMITS, {
      headerOctets: 1_048_576,
      fieldOctets: 262_144,
      fields: 1000,
      parts: 1000,
      depth: 50,
      boundaryOctets: 200,
      parameters: 100,
    });
    assert.equal(MAX_ADDRESSES, 10_000);
  });

  it('depth', () => {
    for (const make of [nested, nestedMessages]) {
      const [below, at, above] = around(DEFAULT_MIME_LIMITS.depth, make);
      assert.deepEqual([below.parts.length, below.isTruncated], [49, false]);
      assert.deepEqual([at.parts.length, at.isTruncated], [50, false]);
      assert.deepEqual([above.parts.length, above.isTruncated], [50, true]);
      assert.equal(typeOf(at.parts.at(-1)), 'leaf text/plain');
      // What is too deep is a leaf of its own type and holds the rest.
      assert.match(typeOf(above.parts.at(-1)), /^leaf (multipart\/mixed|message\/rfc822)$/);
    }
  });

  it('parts', () => {
    // The root is a part too.
    const [below, at, above] = around(DEFAULT_MIME_LIMITS.parts, (parts) => manyParts(parts - 1));
    assert.deepEqual([below.parts.length, below.isTruncated], [999, false]);
    assert.deepEqual([at.parts.length, at.isTruncated], [1000, false]);
    assert.deepEqual([above.parts.length, above.isTruncated], [1000, true]);
    const last = above.parts.at(-1)!;
    assert.equal(last.bodyEnd - last.bodyStart, 1, 'the part too many is not swallowed by the one before');
    assert.equal(above.parts[0]!.bodyEnd, above.size);
  });

  it('parts, where the last is a container', () => {
    const limits = { ...DEFAULT_MIME_LIMITS, parts: 3 };
    const before = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n';
    for (const container of [
      'multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\ny\r\n--c--',
      'message/rfc822\r\n\r\nA: b\r\n\r\ny',
    ]) {
      const { parts, isTruncated } = scan(`${before}Content-Type: ${container}\r\n--b--\r\n`, limits);
      assert.equal(parts.length, 3);
      assert.equal(parts[2]!.kind, 'leaf');
      assert.ok(isTruncated);
    }
  });

  it('boundary', () => {
    const make = (octets: number): string => {
      const boundary = 'b'.repeat(octets);
      return `Content-Type: multipart/mixed; boundary=${boundary}\r\n\r\n--${boundary}\r\n\r\nx\r\n--${boundary}--\r\n`;
    };
    const [below, at, above] = around(DEFAULT_MIME_LIMITS.boundaryOctets, make);
    assert.deepEqual([below.parts.length, at.parts.length, above.parts.length], [2, 2, 1]);
    assert.deepEqual([below.isTruncated, at.isTruncated, above.isTruncated], [false, false, true]);
    assert.equal(typeOf(above.parts[0]), 'leaf multipart/mixed');
  });

  it('header block', () => {
    // The empty line is part of the block.
    const [below, at, above] = around(DEFAULT_MIME_LIMITS.headerOctets - 2, headerOf);
    for (const { parts, isTruncated } of [below, at])
      assert.deepEqual([typeOf(parts[0]), isTruncated], ['leaf text/html', false]);
    assert.deepEqual([typeOf(above.parts[0]), above.isTruncated], ['leaf text/html', true]);
    const [, , farAbove] = around(DEFAULT_MIME_LIMITS.headerOctets + 2000, headerOf);
    assert.deepEqual([typeOf(farAbove.parts[0]), farAbove.isTruncated], ['leaf text/plain', true]);
    for (const { parts, size } of [above, farAbove]) {
      assert.equal(parts[0]!.bodyEnd - parts[0]!.bodyStart, 4);
      assert.equal(parts[0]!.bodyEnd, size);
      assert.ok(parts[0]!.headerOctets!.length <= DEFAULT_MIME_LIMITS.headerOctets);
    }
  });

  it('header blocks of messages inside share one limit', () => {
    const message = `--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: ${'x'.repeat(200_000)}\r\n\r\nbody\r\n`;
    const { parts, isTruncated } = scan(
      `Content-Type: multipart/mixed; boundary=b\r\n\r\n${message.repeat(20)}--b--\r\n`,
    );
    assert.equal(parts.length, 41);
    assert.ok(isTruncated);
    const kept = parts.reduce((sum, { headerOctets }) => sum + (headerOctets?.length ?? 0), 0);
    assert.ok(kept <= 2 * DEFAULT_MIME_LIMITS.headerOctets, `${kept} octets`);
    assert.equal(parts.at(-1)?.headerOctets?.length, 0, 'what is over the limit is left out whole');
  });

  it('texts of all parts share one limit, of which nothing stays alive beyond it', () => {
    const text = 'x'.repeat(100_000);
    const part =
      `--b\r\nContent-Type: text/html; charset=utf-8; name=${text}\r\nContent-Description: ${text}\r\n` +
      `Content-Transfer-Encoding: quoted-printable\r\nContent-Disposition: attachment; filename=${text}\r\n\r\nbody\r\n`;
    const message = Buffer.from(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${part.repeat(100)}--b--\r\n`);
    const { parts, isTruncated } = scan(message);
    assert.equal(parts.length, 101);
    assert.ok(isTruncated);
    const kept = parts.reduce((sum, { parameters, description, disposition }) => {
      const texts = [...parameters.values(), ...(disposition?.parameters.values() ?? []), description ?? ''];
      return sum + texts.reduce((octets, value) => octets + value.length, 0);
    }, 0);
    assert.ok(kept > 300_000 && kept <= DEFAULT_MIME_LIMITS.headerOctets, `${kept} octets`);
    const last = parts.at(-1)!;
    assert.deepEqual(
      [typeOf(last), last.encoding, [...last.parameters]],
      ['leaf text/html', 'quoted-printable', [['charset', 'utf-8']]],
    );
  });

  it('field', () => {
    // A field counts with its name and line end.
    const make = (octets: number): string => {
      const start = 'Content-Type: text/html; x=';
      return `${start}${'x'.repeat(octets - start.length - 2)}\r\n\r\nbody`;
    };
    const [below, at, above] = around(DEFAULT_MIME_LIMITS.fieldOctets, make);
    assert.deepEqual(
      [below, at, above].map(({ parts }) => typeOf(parts[0])),
      ['leaf text/html', 'leaf text/html', 'leaf text/plain'],
    );
    assert.deepEqual([below.isTruncated, at.isTruncated, above.isTruncated], [false, false, true]);
  });

  it('fields', () => {
    const make = (fields: number): string => 'A: b\r\n'.repeat(fields - 1) + 'Content-Type: text/html\r\n\r\nbody';
    const [below, at, above] = around(DEFAULT_MIME_LIMITS.fields, make);
    assert.deepEqual(
      [below, at, above].map(({ parts }) => parts[0]!.subtype),
      ['html', 'html', 'plain'],
    );
    assert.deepEqual([below.isTruncated, at.isTruncated, above.isTruncated], [false, false, true]);
  });

  it('parameters', () => {
    const make = (parameters: number): string =>
      `Content-Type: text/plain${Array.from({ length: parameters }, (_, index) => `; a${index}=b`).join('')}\r\n\r\nbody`;
    const sizes = around(DEFAULT_MIME_LIMITS.parameters, make).map(({ parts }) => parts[0]!.parameters.size);
    assert.deepEqual(sizes, [99, 100, 100]);
  });

  it('addresses', () => {
    for (const [count, expected, isTruncated] of [
      [MAX_ADDRESSES - 1, MAX_ADDRESSES - 1, false],
      [MAX_ADDRESSES, MAX_ADDRESSES, false],
      [MAX_ADDRESSES + 1, MAX_ADDRESSES, true],
    ] as const) {
      const list = readAddressList(Array.from({ length: count }, (_, index) => `a${index}@b`).join(','));
      assert.deepEqual([list.count, list.addresses.length, list.isTruncated], [expected, expected, isTruncated]);
    }
  });
});

describe('what the scanner tells its sink', () => {
  it('begins and ends each leaf once, in order, with its octets between', () => {
    const octets = Buffer.from(manyParts(5));
    const { calls, scanned } = scanAndRecord(octets, 3);
    const leaves = scanned.parts.filter(({ kind }) => kind === 'leaf');
    assert.equal(leaves.length, 5);
    assert.deepEqual(
      calls.filter(({ what }) => what !== 'literal').map(({ what }) => what),
      leaves.flatMap(({ index }) => [`leaf ${index}`, `end ${index}`]),
    );
    for (const { index, bodyStart, bodyEnd } of leaves) {
      const call = calls.find(({ what }) => what === `leaf ${index}`);
      assert.deepEqual(call?.octets, octets.subarray(bodyStart, bodyEnd));
    }
  });

  it('holds back no more than a possible delimiter', () => {
    let given = 0;
    const count = (octets: Buffer): void => {
      given += octets.length;
    };
    const scanner = createMimeScanner({
      literal: count,
      leafStart: () => undefined,
      leafOctets: count,
      leafEnd: () => undefined,
    });
    const body = `--b\r\n\r\n${'-'.repeat(5000)}\r\n--x\r\n${'y'.repeat(5000)}\r\n${'--b'.repeat(5000)}`;
    let written = 0;
    for (const octet of Buffer.from(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${body}`)) {
      scanner.write(Buffer.of(octet));
      written += 1;
      assert.ok(written - given <= 1026, `${written - given} octets held`);
    }
    scanner.end();
    assert.equal(given, written);
  });

  it('takes an empty message', () => {
    const { calls, scanned } = scanAndRecord(Buffer.alloc(0), 10);
    assert.deepEqual([scanned.size, scanned.crlfSize, scanned.parts.length], [0, 0, 1]);
    assert.deepEqual(
      calls.map(({ what }) => what),
      ['leaf 0', 'end 0'],
    );
  });
});
