import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ancestorsOf,
  comparePaths,
  isBelow,
  lookupPath,
  parseMailboxPath,
  parseNewMailboxPath,
} from '../../lib/journal/mailbox-path.ts';

const levels = (count: number): string => Array.from({ length: count }, () => 'x').join('/');

describe('mailbox paths', () => {
  const good: readonly [string, string][] = [
    ['Work', 'Work'],
    ['inbox', 'INBOX'],
    ['InBoX/Sub', 'INBOX/Sub'],
    ['Work/inbox', 'Work/inbox'],
    ['inboxes', 'inboxes'],
    ['Cafe\u0301', 'Caf\u00e9'],
    ['a b~&%*"\\', 'a b~&%*"\\'],
    ['日本語/🦆', '日本語/🦆'],
    ['...', '...'],
    ['.hidden', '.hidden'],
    ['constructor/__proto__', 'constructor/__proto__'],
    ['x'.repeat(512), 'x'.repeat(512)],
    ['é'.repeat(256), 'é'.repeat(256)],
    [levels(20), levels(20)],
  ];
  for (const [given, expected] of good) {
    it(`takes ${JSON.stringify(given.slice(0, 30))}`, () => assert.equal(parseMailboxPath(given), expected));
  }

  const bad: readonly string[] = [
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    '.',
    '..',
    'a/../b',
    'a/./b',
    'a\u0000b',
    'a\nb',
    'a\u007f',
    'a\u0085',
    'a\u2028b',
    'a\ud800b',
    'x'.repeat(513),
    'é'.repeat(257),
    `${'é'.repeat(256)}x`,
    levels(21),
    levels(1000),
    'x'.repeat(1_000_000),
  ];
  for (const given of bad) {
    it(`refuses ${JSON.stringify(given.slice(0, 30))} (${given.length})`, () => {
      assert.throws(() => parseMailboxPath(given), { code: 'mailbox-name-invalid' });
      assert.equal(lookupPath(given), undefined);
    });
  }

  it('takes one delimiter at the end of a name to be created', () => {
    assert.equal(parseNewMailboxPath('a/b/'), 'a/b');
    assert.throws(() => parseNewMailboxPath('a//'), { code: 'mailbox-name-invalid' });
    assert.throws(() => parseNewMailboxPath('/'), { code: 'mailbox-name-invalid' });
  });

  it('knows ancestors and descendants', () => {
    assert.deepEqual(ancestorsOf('a/b/c'), ['a', 'a/b']);
    assert.deepEqual(ancestorsOf('a'), []);
    assert.equal(isBelow('a/b', 'a'), true);
    assert.equal(isBelow('ab', 'a'), false);
    assert.equal(isBelow('a', 'a'), false);
  });

  it('lists INBOX first', () => {
    assert.deepEqual(['b', 'INBOX/x', 'a', 'INBOX', 'INBOXES'].sort(comparePaths), [
      'INBOX',
      'INBOX/x',
      'INBOXES',
      'a',
      'b',
    ]);
  });
});
