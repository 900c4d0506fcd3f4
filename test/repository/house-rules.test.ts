import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const FOLDERS = ['imap-core', 'lib', 'api', 'workers', 'setup', 'test'];
const CONFIG = '.dependency-cruiser.cjs';

/** Files that are innocent by themselves: what the breaches reach for. */
const TARGETS: Readonly<Record<string, string>> = {
  'imap-core/planted-inner.ts': 'export const inner = 1;',
  'imap-core/commands/planted-command.ts': 'export const command = 1;',
  'lib/accounts/planted-inner.ts': 'export const inner = 1;',
  'lib/frontends/imap/planted-inner.ts': 'export const inner = 1;',
  'api/planted-inner.ts': 'export const inner = 1;',
  'test/planted.ts': 'export const planted = 1;',
};

interface Breach {
  /** The file that breaks the rule, or the folder for rules between folders. */
  readonly from: string;
  readonly files: Readonly<Record<string, string>>;
}

function file(from: string, text: string, others: Readonly<Record<string, string>> = {}): Breach {
  return { from, files: { [from]: text, ...others } };
}

const BREACHES: Readonly<Record<string, Breach>> = {
  'imap-core-stands-alone': file('imap-core/wire/planted-alone.ts', "import '../../lib/kernel/clock.ts';"),
  'imap-core-is-entered-by-its-door': file(
    'lib/frontends/imap/planted-door.ts',
    "import '../../../imap-core/planted-inner.ts';",
  ),
  'only-the-imap-front-end-speaks-imap': file(
    'lib/frontends/pop3/planted-imap.ts',
    "import '../../../imap-core/index.ts';",
  ),
  'grammar-knows-no-command': file('imap-core/wire/planted-grammar.ts', "import '../commands/planted-command.ts';"),
  'protocol-is-plain-values': file('imap-core/protocol/planted-node.ts', "import 'node:buffer';"),
  'rooms-have-one-door': file('lib/addresses/planted-door.ts', "import '../accounts/planted-inner.ts';"),
  'outside-comes-in-by-the-door': file('workers/planted-outside.ts', "import '../lib/accounts/planted-inner.ts';"),
  'front-ends-have-doors-too': file('workers/planted-front-end.ts', "import '../lib/frontends/imap/planted-inner.ts';"),
  'api-has-a-door-too': file('workers/planted-api.ts', "import '../api/planted-inner.ts';"),
  'doors-do-not-leak-collections': file(
    'lib/planted-room/index.ts',
    "export { rows } from './planted-collection.ts';",
    {
      'lib/planted-room/planted-collection.ts': 'export const rows = 1;',
    },
  ),
  'domain-knows-no-front-end': file('lib/journal/planted-front-end.ts', "import '../frontends/pop3/index.ts';"),
  'front-ends-are-strangers': file('lib/frontends/pop3/planted-stranger.ts', "import '../lmtp/index.ts';"),
  'kernel-is-the-ground-floor': file('lib/kernel/planted-upstairs.ts', "import '../db/index.ts';"),
  'drivers-and-formats-know-no-mail': file('lib/mime/planted-mail.ts', "import '../accounts/index.ts';"),
  'config-is-read-once': file('lib/auth/planted-config.ts', "import '../config/index.ts';"),
  'mongodb-only-in-collection-files': file(
    'lib/auth/planted-mongodb.ts',
    "import type { Db } from 'mongodb';\nexport type Planted = Db;",
  ),
  'redis-only-in-lib-redis': file('lib/auth/planted-redis.ts', "import 'ioredis';"),
  'no-cycles': file('lib/auth/planted-cycle.ts', "import './planted-other.ts';", {
    'lib/auth/planted-other.ts': "import './planted-cycle.ts';",
  }),
  'no-room-cycles': {
    from: 'lib/planted-one',
    files: {
      'lib/planted-one/index.ts': "import '../planted-two/index.ts';",
      'lib/planted-one/below.ts': 'export const below = 1;',
      'lib/planted-two/index.ts': 'export const two = 1;',
      'lib/planted-two/above.ts': "import '../planted-one/below.ts';",
    },
  },
  'no-orphans': file('lib/auth/planted-orphan.ts', 'export const orphan = 1;'),
  'no-test-code-in-production': file('lib/auth/planted-test.ts', "import '../../test/planted.ts';"),
  'no-dev-dependency-in-production': file('lib/auth/planted-dev.ts', "import 'prettier';"),
  'no-undeclared-dependency': file('lib/auth/planted-undeclared.ts', "import 'acorn';"),
  'no-unresolvable-import': file('lib/auth/planted-nowhere.ts', "import './nowhere.ts';"),
};

interface Cruised {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
  };
}

function cruise(folder: string): Cruised {
  const script = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const result = spawnSync(process.execPath, [script, ...FOLDERS, '--config', CONFIG, '--output-type', 'json'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  assert.notEqual(result.stdout, '', result.stderr);
  return JSON.parse(result.stdout) as Cruised;
}

describe('rules of the house', () => {
  let copy = '';
  let clean: Cruised;
  let broken: Cruised;

  before(async () => {
    copy = await mkdtemp(join(tmpdir(), 'eider-house-'));
    for (const name of [...FOLDERS, CONFIG, 'package.json', 'tsconfig.json']) {
      await cp(join(ROOT, name), join(copy, name), { recursive: true });
    }
    await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'), 'dir');
    clean = cruise(copy);
    for (const files of [TARGETS, ...Object.values(BREACHES).map((breach) => breach.files)]) {
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(copy, name)), { recursive: true });
        await writeFile(join(copy, name), `${text}\n`);
      }
    }
    broken = cruise(copy);
  });
  after(() => rm(copy, { recursive: true, force: true }));

  it('sees the sources at all', () => {
    for (const folder of FOLDERS) {
      const seen = clean.modules.filter(({ source }) => source.startsWith(`${folder}/`));
      assert.ok(seen.length > 0, `no module in ${folder}`);
    }
    assert.ok(clean.modules.length > 200, `${String(clean.modules.length)} modules`);
  });

  it('finds the sources without a breach', () => {
    const found = clean.summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`);
    assert.deepEqual(found, []);
  });

  it('has a planted breach for every rule', () => {
    const config = createRequire(import.meta.url)(join(ROOT, CONFIG)) as { forbidden: readonly { name: string }[] };
    assert.deepEqual(config.forbidden.map(({ name }) => name).sort(), Object.keys(BREACHES).sort());
  });

  for (const [rule, { from }] of Object.entries(BREACHES)) {
    it(`catches a breach of ${rule}`, () => {
      const caught = broken.summary.violations.filter((violation) => violation.rule.name === rule);
      assert.ok(
        caught.some((violation) => violation.from === from),
        `${from} is not among ${JSON.stringify(caught.map((violation) => violation.from))}`,
      );
    });
  }
});
