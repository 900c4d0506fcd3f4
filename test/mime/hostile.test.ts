import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { imapRenderer } from '../../lib/frontends/imap/render-message.ts';
import {
  decodeAddresses,
  decodeHeaderText,
  DEFAULT_MIME_LIMITS,
  filenameOf,
  htmlToText,
  preview,
  readAddressList,
  readDateTime,
  readHeaderFields,
  unfold,
} from '../../lib/mime/index.ts';
import { HOSTILE } from '../corpus/hostile.ts';
import { readImapValue } from '../support/imap-value.ts';
import { scan } from '../support/scan.ts';
import { threadTime } from '../support/processor-time.ts';

/** Everything that is done with a message on its way in, and with its header when it is shown. */
function digest(octets: Buffer): void {
  const scanned = scan(octets);
  imapRenderer.render(scanned);
  for (const part of scanned.parts) filenameOf(part);
  const header = readHeaderFields(scanned.parts[0]!.headerOctets!, DEFAULT_MIME_LIMITS);
  for (const { value } of header.fields) {
    const text = unfold(value);
    decodeHeaderText(text);
    decodeAddresses(readAddressList(text).addresses);
    readDateTime(text);
  }
}

/** The least time of a few runs, in milliseconds: what else the machine does only adds. */
function least(run: () => void, runs: number): number {
  let best = Infinity;
  for (let turn = 0; turn < runs; turn += 1) {
    const start = threadTime();
    run();
    best = Math.min(best, threadTime() - start);
  }
  return best;
}

/** What a measurement may be off by, in milliseconds; quadratic work on inputs of this size takes hundreds. */
const SLACK_MS = 3;

/** t(2n) ≤ 2.5 t(n), measured again where noise may have spoken. */
function assertLinear(run: (n: number) => void, n: number): void {
  const tries: string[] = [];
  for (let attempt = 1; attempt <= 8; attempt += 1) {
    const single = least(() => run(n), 2 + attempt);
    const double = least(() => run(2 * n), 2 + attempt);
    if (double <= 2.5 * single + SLACK_MS) return;
    tries.push(`t(${n}) = ${single.toFixed(2)} ms, t(${2 * n}) = ${double.toFixed(2)} ms`);
  }
  assert.fail(tries.join('; '));
}

describe('hostile messages', () => {
  for (const [name, make] of HOSTILE) {
    it(`${name}: linear time, bounded result`, () => {
      // Below the limits of a field and a header, so that what is measured is work and not its refusal.
      const n = Math.floor(60_000 / ((make(40).length - make(20).length) / 20));
      const messages = new Map([n, 2 * n].map((size) => [size, make(size)]));
      assertLinear((size) => digest(messages.get(size)!), n);
    });

    it(`${name}: a large one is read within the limits`, () => {
      const octets = make(50_000);
      const start = process.threadCpuUsage();
      const scanned = scan(octets);
      const { envelope, bodyStructure, body } = imapRenderer.render(scanned);
      assert.ok(process.threadCpuUsage(start).user < 1_000_000, 'too long');
      assert.ok(scanned.parts.length <= DEFAULT_MIME_LIMITS.parts);
      assert.equal(scanned.size, octets.length);
      for (const rendered of [envelope, bodyStructure, body]) readImapValue(rendered);
    });
  }

  it('counts parts, depth and header fields', () => {
    assert.equal(scan(HOSTILE.get('empty-parts')!(100_000)).parts.length, DEFAULT_MIME_LIMITS.parts);
    for (const name of ['nested-multiparts', 'nested-same-boundary', 'nested-messages', 'nested-digests']) {
      const { parts, isTruncated } = scan(HOSTILE.get(name)!(2000));
      const depths: number[] = [];
      for (const { parent } of parts) depths.push((depths[parent] ?? 0) + 1);
      assert.equal(Math.max(...depths), DEFAULT_MIME_LIMITS.depth, name);
      assert.ok(isTruncated, name);
    }
    assert.ok(scan(HOSTILE.get('header-lines')!(300_000)).isTruncated);
  });
});

const HTML: ReadonlyMap<string, (n: number) => string> = new Map([
  ['open tags', (n) => '<a>'.repeat(n)],
  ['nested blocks', (n) => `${'<div>'.repeat(n)}x${'</div>'.repeat(n)}`],
  ['closing tags', (n) => `${'<b>'.repeat(n)}${'</i>'.repeat(n)}`],
  ['less-than signs', (n) => '<'.repeat(n)],
  ['attributes', (n) => `<a ${'b="c" '.repeat(n)}>x`],
  ['open comment', (n) => `<!--${'-'.repeat(n)}`],
  ['comments', (n) => '<!---->'.repeat(n)],
  ['open script', (n) => `<script>${'</scrip'.repeat(n)}`],
  ['ampersands', (n) => '&'.repeat(n)],
  ['entities', (n) => '&amp;&#65;&notanentity;'.repeat(n)],
  ['blanks', (n) => `a${' '.repeat(n)}b`],
  ['open cdata', (n) => '<![CDATA['.repeat(n)],
]);

describe('hostile HTML and text', () => {
  for (const [name, make] of HTML) {
    it(`${name}: linear time`, () => {
      const n = Math.floor(200_000 / (make(10).length / 10));
      const sources = new Map([n, 2 * n].map((size) => [size, make(size)]));
      assertLinear((size) => preview(htmlToText(sources.get(size)!)), n);
    });
  }
});
