import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { imapRenderer } from '../../lib/frontends/imap/index.ts';
import type { ScannedMessage } from '../../lib/mime/index.ts';
import { damage, generateMessages } from '../corpus/generate.ts';
import { readImapValue } from '../support/imap-value.ts';
import { scanAndRecord } from '../support/scan.ts';

/** What holds for the table of any message, however broken. */
function assertSound({ parts, size }: ScannedMessage, octets: Buffer): void {
  assert.equal(size, octets.length);
  assert.equal(parts[0]?.parent, -1);
  const last = new Map<number, number>();
  parts.forEach((part, index) => {
    assert.equal(part.index, index);
    assert.ok(part.headerStart <= part.bodyStart && part.bodyStart <= part.bodyEnd);
    const lines = octets.toString('latin1', part.bodyStart, part.bodyEnd);
    const lineEnds = lines.split('\n').length - 1;
    assert.equal(part.bodyLines, lineEnds + (lines === '' || lines.endsWith('\n') ? 0 : 1));
    assert.equal(part.kind === 'leaf', part.children.length === 0);
    if (part.kind === 'message') assert.equal(part.children.length, 1);
    const parent = parts[part.parent];
    if (parent === undefined) return;
    assert.ok(parent.index < index && parent.children.includes(index));
    assert.ok(parent.bodyStart <= part.headerStart && part.bodyEnd <= parent.bodyEnd);
    assert.ok((last.get(parent.index) ?? 0) <= part.headerStart, 'siblings in order');
    last.set(parent.index, part.bodyEnd);
  });
  const sections = parts.filter(({ kind, parent }) => parts[parent]?.kind !== 'message' || kind !== 'multipart');
  assert.equal(new Set(sections.map(({ section }) => section)).size, sections.length, 'sections are unique');
}

describe('damaged messages', () => {
  it('give sound tables, the same in any pieces, and values in the grammar', () => {
    let parts = 0;
    for (const [index, { octets }] of generateMessages(23, 300).entries()) {
      const damaged = damage(octets, index);
      const whole = scanAndRecord(damaged, damaged.length + 1);
      assert.ok(whole.octets.equals(damaged));
      assertSound(whole.scanned, damaged);
      for (const chunk of [1, 5, 64 + (index % 100)]) assert.deepEqual(scanAndRecord(damaged, chunk), whole);
      const { envelope, bodyStructure, body } = imapRenderer.render(whole.scanned);
      for (const value of [envelope, bodyStructure, body]) readImapValue(value);
      parts += whole.scanned.parts.length;
    }
    assert.ok(parts > 600, `${parts} parts are too few to show anything`);
  });
});
