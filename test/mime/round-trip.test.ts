import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { corpusMessages } from '../support/corpora.ts';
import { scanAndRecord } from '../support/scan.ts';

const CHUNKS = [1, 2, 3, 7, 61, 1000, 4096];

describe('what goes into the scanner comes out', () => {
  for (const { name, octets } of corpusMessages()) {
    // Single octets of the large ones take long and show nothing that the small ones do not.
    const chunks = octets.length > 20_000 ? CHUNKS.filter((chunk) => chunk > 7) : CHUNKS;
    it(`${name} in any pieces`, () => {
      const whole = scanAndRecord(octets, octets.length + 1);
      assert.ok(whole.octets.equals(octets));
      assert.equal(whole.scanned.size, octets.length);
      for (const chunk of chunks) assert.deepEqual(scanAndRecord(octets, chunk), whole, `pieces of ${chunk}`);
    });
  }
});
