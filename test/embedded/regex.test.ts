import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileRegex } from '../../lib/embedded/query/regex.ts';

/** Pattern, options, text, and whether PCRE finds it there. */
const CASES: readonly (readonly [string, string, string, boolean])[] = [
  ['^a', '', 'abc', true],
  ['^b', '', 'a\nb', false],
  ['^b', 'm', 'a\nb', true],
  ['^', 'm', '', true],
  ['c$', '', 'abc', true],
  ['c$', '', 'abc\n', true],
  ['c$', '', 'abc\nd', false],
  ['c$', 'm', 'abc\nd', true],
  ['a.c', '', 'a\nc', false],
  ['a.c', 's', 'a\nc', true],
  ['a.c', '', 'a\rc', true],
  ['a.c', '', 'a\u2028c', true],
  ['ABC', 'i', 'xabcx', true],
  ['a\\.c', '', 'abc', false],
  ['[a.]c', '', '.c', true],
  ['[$^]', '', '$', true],
  ['\\s', '', '\u00a0', false],
  ['\\s', '', '\t', true],
  ['\\S', '', '\u00a0', true],
  ['\\d+', '', '٣', false],
  ['^.$', '', '😀', true],
  ['a|b', '', 'xbx', true],
  ['(?:ab)+$', '', 'abab', true],
  ['user\\@host\\-x\\"', '', 'user@host-x"', true],
  ['\\/\\#\\ ', '', '/# ', true],
];

const REFUSED: readonly (readonly [string, string])[] = [
  ...[
    '(',
    '[',
    'a**',
    '\\',
    '[[:alpha:]]',
    '[]a]',
    'a++',
    '(?>a)',
    '(?i)a',
    '\\Aa',
    'a\\z',
    '\\Qa\\E',
    '\\h',
    '\\v',
    '\\1',
    '[\\S]',
  ].map((pattern) => [pattern, ''] as const),
  ['a', 'x'],
  ['a', 'g'],
];

describe('regular expressions', () => {
  for (const [pattern, options, text, found] of CASES) {
    it(`/${pattern}/${options} ${found ? 'is' : 'is not'} in ${JSON.stringify(text)}`, () => {
      assert.equal(compileRegex(pattern, options).test(text), found);
    });
  }
  for (const [pattern, options] of REFUSED) {
    it(`refuses /${pattern}/${options}`, () => {
      assert.throws(() => compileRegex(pattern, options), { code: 51091 });
    });
  }

  it('know what every match begins with', () => {
    const prefix = (pattern: string, options = ''): string => compileRegex(pattern, options).prefix;
    assert.equal(prefix('^abc'), 'abc');
    assert.equal(prefix('^abc.*'), 'abc');
    assert.equal(prefix('^abc?'), 'ab');
    assert.equal(prefix('^abc{2}'), 'ab');
    assert.equal(prefix('^ab|cd'), '');
    assert.equal(prefix('abc'), '');
    assert.equal(prefix('^abc', 'i'), '');
    assert.equal(prefix('^abc', 'm'), '');
    assert.equal(prefix('^a\\.b'), 'a');
  });

  describe('that take for ever end soon', () => {
    const bombs: readonly (readonly [string, string])[] = [
      ['^(a+)+$', `${'a'.repeat(40)}b`],
      ['(a|aa)+$', `${'a'.repeat(60)}b`],
      ['(.*a){12}x', 'a'.repeat(60)],
      ['a*a*a*a*a*a*b', 'a'.repeat(400)],
      ['\\s+$', `${' '.repeat(300_000)}x`],
      [`${'a?'.repeat(30)}${'a'.repeat(30)}`, 'a'.repeat(30)],
    ];
    it('and those that only look like it are as they were', () => {
      assert.ok(compileRegex('^(a+)+$', '').test('a'.repeat(500)));
      assert.ok(compileRegex('(b|c)*d', '').test(`${'bc'.repeat(50)}d`));
    });

    for (const [pattern, text] of bombs) {
      it(pattern.slice(0, 20), () => {
        const { user } = process.threadCpuUsage();
        assert.throws(() => compileRegex(pattern, '').test(text), { code: 51156 });
        // A few milliseconds; but the watchdog is another thread, which a busy machine lets wait. Without it: minutes.
        assert.ok(process.threadCpuUsage().user - user < 2_000_000);
      });
    }
  });
});
