import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { renderDefaults } from '../../lib/config/index.ts';
import { sections } from '../../workers/sections.ts';

describe('config/default.toml', () => {
  it('is what the sections declare (eider config print --defaults > config/default.toml)', async () => {
    const text = await readFile(new URL('../../config/default.toml', import.meta.url), 'utf8');
    assert.equal(text, renderDefaults(sections));
  });

  it('gives a reason for every setting', () => {
    for (const section of sections) {
      for (const [key, { doc }] of Object.entries(section.settings)) {
        assert.match(doc, /^[A-Z].{15,}[.)]$/s, `${section.name}.${key}`);
      }
    }
  });

  it('names no section twice', () => {
    const names = sections.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)]);
  });
});
