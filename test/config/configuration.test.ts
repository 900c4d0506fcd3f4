import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'smol-toml';
import {
  ConfigError,
  loadConfiguration,
  renderConfiguration,
  renderDefaults,
  type ConfigSources,
} from '../../lib/config/index.ts';
import { defineSection } from '../../lib/kernel/section.ts';

const lmtp = defineSection({
  name: 'lmtp',
  doc: 'Mail in.',
  settings: {
    maxRecipients: { type: 'integer', default: 1000, min: 100, max: 5000, reloadable: true, doc: 'Recipients.' },
    maxMessageSize: { type: 'size', default: 64 * 1024 ** 2, min: 1024, doc: 'Octets.' },
    idleTimeout: { type: 'duration', default: 30_000, doc: 'Silence.' },
    greet: { type: 'boolean', default: true, doc: 'Greeting.' },
  },
});
const database = defineSection({
  name: 'database',
  doc: 'Where data lies.',
  settings: {
    uri: { type: 'text', default: '', secret: true, doc: 'Connection string.' },
    mode: { type: 'text', default: 'fast', oneOf: ['fast', 'safe'], doc: 'Mode.' },
    hosts: { type: 'text-list', default: ['a', 'b'], doc: 'Hosts.' },
  },
});
const SECTIONS = [lmtp, database];

const load = (sources: ConfigSources) => loadConfiguration(SECTIONS, sources);
const file = (text: string): ConfigSources => ({ file: { path: 'eider.toml', text } });

function problemsOf(sources: ConfigSources): readonly string[] {
  try {
    load(sources);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems.map(({ where, message }) => `${where}: ${message}`);
  }
  return [];
}

describe('sources of settings', () => {
  it('gives the declared defaults where nothing is said', () => {
    const values = load({}).get(lmtp);
    assert.deepEqual(
      { ...values },
      { maxRecipients: 1000, maxMessageSize: 67_108_864, idleTimeout: 30_000, greet: true },
    );
    assert.deepEqual({ ...load({}).get(database) }, { uri: '', mode: 'fast', hosts: ['a', 'b'] });
  });

  it('reads every type from a file', () => {
    const configuration = load(
      file(
        '[lmtp]\nmax-recipients = 200\nmax-message-size = "1MiB"\nidle-timeout = "5m"\ngreet = false\n' +
          '[database]\nuri = "mongodb://h/"\nmode = "safe"\nhosts = ["x"]\n',
      ),
    );
    assert.deepEqual(
      { ...configuration.get(lmtp) },
      { maxRecipients: 200, maxMessageSize: 1024 ** 2, idleTimeout: 300_000, greet: false },
    );
    assert.deepEqual({ ...configuration.get(database) }, { uri: 'mongodb://h/', mode: 'safe', hosts: ['x'] });
  });

  it('lets the environment override the file and flags override both', () => {
    const sources: ConfigSources = {
      ...file('[lmtp]\nmax-recipients = 200\nidle-timeout = "1s"\nmax-message-size = 2048\n'),
      environment: { EIDER_LMTP_MAX_RECIPIENTS: '300', EIDER_LMTP_IDLE_TIMEOUT: '2s', HOME: '/root' },
      overrides: [{ name: 'lmtp.max-recipients', text: '400', origin: '--set' }],
    };
    const values = load(sources).get(lmtp);
    assert.deepEqual([values.maxRecipients, values.idleTimeout, values.maxMessageSize], [400, 2000, 2048]);
  });

  it('reads lists and truth from text', () => {
    const environment = { EIDER_DATABASE_HOSTS: 'x, y,', EIDER_LMTP_GREET: 'false' };
    const configuration = load({ environment });
    assert.deepEqual(configuration.get(database).hosts, ['x', 'y']);
    assert.equal(configuration.get(lmtp).greet, false);
  });

  it('leaves reserved variables alone', () => {
    const environment = { EIDER_TEST_APT: '1', EIDER_CORPORA: '/c' };
    assert.doesNotThrow(() => load({ environment, reservedVariables: ['EIDER_TEST_', 'EIDER_CORPORA'] }));
    assert.deepEqual(problemsOf({ environment, reservedVariables: ['EIDER_TEST_'] }), [
      'EIDER_CORPORA: names no setting',
    ]);
  });
});

describe('mistakes', () => {
  const cases: readonly (readonly [string, ConfigSources, readonly string[]])[] = [
    [
      'an unknown key, with its line and what was meant',
      file('# mine\n\n[lmtp]\nmax-recipient = 5\n'),
      ['eider.toml:4: [lmtp] has no setting max-recipient; did you mean max-recipients?'],
    ],
    [
      'a key as the code spells it',
      file('[lmtp]\nmaxRecipients = 500\n'),
      ['eider.toml:2: [lmtp] has no setting maxRecipients; did you mean max-recipients?'],
    ],
    ['a key like nothing there is', file('[lmtp]\nzzz = 1\n'), ['eider.toml:2: [lmtp] has no setting zzz']],
    [
      'an unknown section',
      file('[lmpt]\nmax-recipients = 500\n'),
      ['eider.toml:1: there is no section [lmpt]; did you mean [lmtp]?'],
    ],
    [
      'a key outside of any section',
      file('lmtp = 5\n'),
      ['eider.toml:1: lmtp is a section: write [lmtp] on a line of its own'],
    ],
    ['names of every object', file('[constructor]\n'), ['eider.toml:1: there is no section [constructor]']],
    ['names of every object as keys', file('[lmtp]\ntoString = 1\n'), ['eider.toml:2: [lmtp] has no setting toString']],
    [
      'a number below the limit',
      file('[lmtp]\nmax-recipients = 99\n'),
      ['eider.toml:2: lmtp.max-recipients must be at least 100'],
    ],
    ['a number at the limits', file('[lmtp]\nmax-recipients = 100\n'), []],
    [
      'a number above the limit',
      file('[lmtp]\nmax-recipients = 5001\n'),
      ['eider.toml:2: lmtp.max-recipients must be at most 5000'],
    ],
    [
      'a size below the limit',
      file('[lmtp]\nmax-message-size = 1023\n'),
      ['eider.toml:2: lmtp.max-message-size must be at least "1KiB"'],
    ],
    [
      'a fraction',
      file('[lmtp]\nmax-recipients = 150.5\n'),
      ['eider.toml:2: lmtp.max-recipients must be a whole number'],
    ],
    [
      'a duration without a unit',
      file('[lmtp]\nidle-timeout = 30\n'),
      ['eider.toml:2: lmtp.idle-timeout must be a duration with its unit, such as "250ms", "30s", "5m", "24h" or "8d"'],
    ],
    ['text for truth', file('[lmtp]\ngreet = "yes"\n'), ['eider.toml:2: lmtp.greet must be true or false']],
    [
      'a value outside of a closed set',
      file('[database]\nmode = "Safe"\n'),
      ['eider.toml:2: database.mode must be one of "fast", "safe"'],
    ],
    [
      'a list of other things than text',
      file('[database]\nhosts = [1]\n'),
      ['eider.toml:2: database.hosts must be a list of texts, such as ["one", "two"]'],
    ],
    [
      'a variable, and what was meant',
      { environment: { EIDER_LMTP_MAX_RECIPENTS: '5' } },
      ['EIDER_LMTP_MAX_RECIPENTS: names no setting; did you mean EIDER_LMTP_MAX_RECIPIENTS?'],
    ],
    [
      'a flag, and what was meant',
      { overrides: [{ name: 'lmtp.greets', text: 'true', origin: '--set' }] },
      ['--set: there is no setting lmtp.greets; did you mean lmtp.greet?'],
    ],
    [
      'several at once',
      file('[lmtp]\nmax-recipients = 1\ngreet = 1\n'),
      ['eider.toml:2: lmtp.max-recipients must be at least 100', 'eider.toml:3: lmtp.greet must be true or false'],
    ],
  ];
  for (const [name, sources, expected] of cases) {
    it(name, () => assert.deepEqual(problemsOf(sources), expected));
  }

  it('a file that is no TOML, with the line', () => {
    const [problem, ...others] = problemsOf(file('[lmtp]\ngreet = \n'));
    assert.match(problem ?? '', /^eider\.toml:2: /);
    assert.equal(others.length, 0);
  });

  it('a value given twice', () => {
    assert.match(problemsOf(file('[lmtp]\ngreet = true\ngreet = false\n'))[0] ?? '', /^eider\.toml:\d+: /);
  });
});

describe('reload', () => {
  it('applies what is reloadable to values already handed out, and names the rest', () => {
    const configuration = load(file('[lmtp]\nmax-recipients = 200\n'));
    const values = configuration.get(lmtp);
    const report = configuration.reload(file('[lmtp]\nmax-recipients = 300\nidle-timeout = "1s"\n'));
    assert.deepEqual(report, { applied: ['lmtp.max-recipients'], waiting: ['lmtp.idle-timeout'] });
    assert.equal(values.maxRecipients, 300);
    assert.equal(values.idleTimeout, 30_000);
    assert.equal(configuration.get(lmtp).idleTimeout, 30_000);
  });

  it('says again at the next reload what still waits', () => {
    const configuration = load({});
    const next = file('[lmtp]\nidle-timeout = "1s"\n');
    configuration.reload(next);
    assert.deepEqual(configuration.reload(next).waiting, ['lmtp.idle-timeout']);
    assert.deepEqual(configuration.reload({}).waiting, []);
  });

  it('goes back to the default where a value is gone', () => {
    const configuration = load(file('[lmtp]\nmax-recipients = 200\n'));
    const values = configuration.get(lmtp);
    assert.deepEqual(configuration.reload({}).applied, ['lmtp.max-recipients']);
    assert.equal(values.maxRecipients, 1000);
  });

  it('changes nothing where something is wrong', () => {
    const configuration = load(file('[lmtp]\nmax-recipients = 200\n'));
    assert.throws(() => configuration.reload(file('[lmtp]\nmax-recipients = 300\nzzz = 1\n')), ConfigError);
    assert.equal(configuration.get(lmtp).maxRecipients, 200);
  });
});

describe('printing', () => {
  it('writes defaults that read back as the same', () => {
    const text = renderDefaults(SECTIONS);
    const configuration = load(file(text));
    assert.deepEqual({ ...configuration.get(lmtp) }, { ...load({}).get(lmtp) });
    assert.deepEqual({ ...configuration.get(database) }, { ...load({}).get(database) });
  });

  it('hides secrets, says where values come from, and is TOML', () => {
    const sources = { ...file('[database]\nuri = "mongodb://me:pw@h/"\nmode = "safe"\n') };
    const text = renderConfiguration(load(sources));
    assert.ok(!text.includes('pw'));
    assert.match(text, /^uri = "\[set\]" {2}# eider\.toml:2$/m);
    assert.match(text, /^mode = "safe" {2}# eider\.toml:3$/m);
    assert.match(text, /^idle-timeout = "30s"$/m);
    assert.deepEqual(Object.keys(parse(text)), ['lmtp', 'database']);
  });
});
