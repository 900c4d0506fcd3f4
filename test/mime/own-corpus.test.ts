import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EXPECTED } from '../corpus/expected.ts';
import { generateMessages } from '../corpus/generate.ts';
import { handWrittenMessages } from '../corpus/own-messages.ts';
import { scan } from '../support/scan.ts';

describe('the structure of hand-written messages', () => {
  const messages = handWrittenMessages();

  it('is expected of each, and of none that is not there', () => {
    assert.deepEqual(
      messages.map(({ name }) => name.replace(/^own\/(.*)\.eml$/, '$1')).sort(),
      [...EXPECTED.keys()].sort(),
    );
  });

  for (const { name, octets } of messages) {
    it(name, () => {
      const expected = EXPECTED.get(name.replace(/^own\/(.*)\.eml$/, '$1'));
      const { parts, size, crlfSize, isTruncated } = scan(octets);
      const described = parts.map(({ section, kind, type, subtype, bodyStart, bodyEnd, bodyLines }) =>
        [section || '0', ...(kind === 'leaf' ? [] : [kind]), `${type}/${subtype}`, bodyEnd - bodyStart, bodyLines].join(
          ' ',
        ),
      );
      assert.deepEqual(
        { parts: described, crlfSize, isTruncated },
        { parts: expected?.parts, crlfSize: expected?.crlfSize, isTruncated: expected?.isTruncated ?? false },
      );
      assert.equal(size, octets.length);
      const lines = octets.toString('latin1').replace(/(?<!\r)\n/g, '\r\n');
      assert.equal(crlfSize, lines.length + (lines === '' || lines.endsWith('\n') ? 0 : 2), 'size as lines');
    });
  }
});

describe('the structure of generated messages', () => {
  it('is what they were built from', () => {
    let total = 0;
    for (const { name, octets, parts } of generateMessages(11, 500)) {
      const found = scan(octets).parts.map(({ section, kind, type, subtype, bodyStart, bodyEnd }) => ({
        section,
        kind,
        type: `${type}/${subtype}`,
        bodyStart,
        bodyEnd,
      }));
      assert.deepEqual(found, parts, name);
      total += parts.length;
    }
    assert.ok(total > 1500, `${total} parts are too few to show anything`);
  });
});
