import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SystemFlag } from '../../../lib/journal/index.ts';
import {
  flagsOfName,
  folderOf,
  lettersOf,
  mailboxOf,
  parseKeywordFile,
} from '../../../workers/transfer/maildir-names.ts';

const { seen, answered, flagged, deleted, draft } = SystemFlag;

describe('flags in file names', () => {
  const cases: readonly (readonly [string, number, readonly string[]])[] = [
    ['1.x.host:2,', 0, []],
    ['1.x.host:2,DFRST', draft + flagged + answered + seen + deleted, []],
    ['1.x.host:2,PS', seen, ['$Forwarded']],
    ['1.x.host:2,Sab', seen, ['Work', 'Home']],
    ['1.x.host:2,Sz', seen, []],
    ['1.x.host', 0, []],
    ['1.x.host:1,S', 0, []],
    ['1.x:2,S.host', 0, []],
  ];
  for (const [name, system, keywords] of cases) {
    it(name, () => assert.deepEqual(flagsOfName(name, ['Work', 'Home']), { system, keywords }));
  }

  it('are written in the order of ASCII', () => {
    const flags = { system: seen + draft + answered, keywords: ['Home', '$forwarded', 'Unlisted'] };
    assert.equal(lettersOf(flags, ['Work', 'Home']), 'DPRSb');
  });
});

describe('folders of a Maildir', () => {
  for (const [path, folder] of [
    ['INBOX', ''],
    ['Sent', '.Sent'],
    ['Archive/2024', '.Archive.2024'],
    ['INBOX/sub', '.INBOX.sub'],
    ['v1.0', '.v1%2E0'],
    ['50%', '.50%25'],
    ['../../etc', '.%2E%2E.%2E%2E.etc'],
    ['Entwürfe', '.Entwürfe'],
  ] as const) {
    it(`${path} is ${folder}`, () => {
      assert.equal(folderOf(path), folder);
      assert.equal(mailboxOf(folder), path === 'INBOX' ? '' : path);
    });
  }
});

it('keyword files may have holes and nonsense', () => {
  assert.deepEqual(parseKeywordFile('0 Work\n2 Home\nx y\n\n'), ['Work', '', 'Home']);
  assert.deepEqual(parseKeywordFile(''), []);
  assert.deepEqual(flagsOfName('1.x:2,ab', ['', 'Home']).keywords, ['Home']);
});
