import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8');

interface PackageJson {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(read('package.json')) as PackageJson;
const documents = globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT });

describe('the documents', () => {
  it('are there', () => assert.ok(documents.length >= 15, documents.join()));

  for (const name of documents) {
    it(`${name} links to what exists`, () => {
      for (const [, target = ''] of read(name).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
        if (/^https?:/.test(target)) continue;
        assert.ok(existsSync(join(ROOT, dirname(name), target)), target);
      }
    });
  }

  it('name only scripts of package.json', () => {
    for (const name of documents) {
      for (const [, script = ''] of read(name).matchAll(/npm run ([\w:]+)/g)) {
        assert.ok(script in manifest.scripts, `${name}: npm run ${script}`);
      }
    }
  });

  it('give a reason for every package', () => {
    const text = read('docs/dependencies.md');
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })) {
      assert.ok(text.includes(name), name);
    }
    for (const name of Object.keys(manifest.optionalDependencies)) assert.match(name, /^node-\w+-\w+$/);
  });

  it('say why each package that was offered is not used, where it is not', () => {
    const text = read('docs/dependencies.md');
    for (const name of ['mongodb', 'ioredis', 'smtp-server', 'mailsplit', 'libmime', 'restify', 'ws']) {
      assert.match(text, new RegExp(`^\\| ${name}[ |]`, 'm'));
    }
  });

  it('pin every version exactly', () => {
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
      assert.match(version, /^\d+\.\d+\.\d+$/, name);
    }
  });
});
