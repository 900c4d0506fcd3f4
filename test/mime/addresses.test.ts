import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeAddresses, readAddressList } from '../../lib/mime/index.ts';
import type { RawAddress } from '../../lib/mime/index.ts';

/** `name <route:mailbox@host>`, with ? for what is not there and {} round groups. */
function described(address: RawAddress): string {
  if (address.kind === 'group') return `${address.name} {${address.members.map(described).join(', ')}}`;
  return `${address.name ?? '?'} <${address.route === undefined ? '' : `${address.route}:`}${address.mailbox}@${address.host}>`;
}

const CASES: readonly (readonly [text: string, ...expected: string[]])[] = [
  ['', ...[]],
  [',, ,'],
  ['(only a comment)'],
  ['joe@example.org', '? <joe@example.org>'],
  ['Joe Blow <joe@example.org>', 'Joe Blow <joe@example.org>'],
  ['"Joe \\"Q\\" Blow" <joe@example.org>', 'Joe "Q" Blow <joe@example.org>'],
  ['John Q. Public <a@b>', 'John Q. Public <a@b>'],
  ['a@b (Name)', 'Name <a@b>'],
  ['Real (not this) Name <a@b>', 'Real Name <a@b>'],
  ['(first) <a@b> (second)', 'second <a@b>'],
  ['<a@b>', '? <a@b>'],
  ['<>', '? <@>'],
  ['nodomain', '? <nodomain@>'],
  ['two words', '? <two words@>'],
  ['@nolocal', '? <@nolocal>'],
  ['"quoted local"@example.org', '? <quoted local@example.org>'],
  ['"a@b"@example.org', '? <a@b@example.org>'],
  ['a@b@c', '? <a@b@c>'],
  ['jdoe@test   . example', '? <jdoe@test.example>'],
  ['joe . blow @ example.org', '? <joe.blow@example.org>'],
  ['a@[192.0.2.1]', '? <a@[192.0.2.1]>'],
  ['a@[never closed, b@c', '? <a@[never closed>', '? <b@c>'],
  ['<@r1,@r2:a@b>', '? <@r1,@r2:a@b>'],
  ['a@b, c@d', '? <a@b>', '? <c@d>'],
  ['a@b; c@d', '? <a@b>', '? <c@d>'],
  ['Open <a@b, Next <c@d>', 'Open <a@b>', 'Next <c@d>'],
  ['Never closed <a@b', 'Never closed <a@b>'],
  ['a@b> , c@d', '? <a@b>', '? <c@d>'],
  ['Name <a@b> junk, c@d', 'Name <a@b>', '? <c@d>'],
  ['"never closed <a@b>, c@d', '? <never closed <a@b>, c@d@>'],
  ['(never closed <a@b>, c@d'],
  ['A Group:a@b,Name <c@d>;, e@f', 'A Group {? <a@b>, Name <c@d>}', '? <e@f>'],
  ['undisclosed-recipients:;', 'undisclosed-recipients {}'],
  ['group without end: a@b, c@d', 'group without end {? <a@b>, ? <c@d>}'],
  ['g1:a@b; g2:c@d;', 'g1 {? <a@b>}', 'g2 {? <c@d>}'],
  ['=?utf-8?Q?Foo,_Bar?= <a@b>', '=?utf-8?Q?Foo,_Bar?= <a@b>'],
  ['__proto__ <constructor@prototype>', '__proto__ <constructor@prototype>'],
];

describe('address lists', () => {
  for (const [text, ...expected] of CASES) {
    it(text === '' ? 'nothing' : text, () => {
      assert.deepEqual(readAddressList(text).addresses.map(described), expected);
    });
  }

  it('reads a thousand words of one address, and goes on behind it', () => {
    const [long, next] = readAddressList(`${'a '.repeat(5000)}<a@b>, c@d`).addresses;
    assert.equal(described(long!), `${'a '.repeat(1000)}<a@b>`);
    assert.equal(described(next!), '? <c@d>');
  });

  it('counts the members of groups', () => {
    assert.equal(readAddressList('g: a@b, c@d; e@f').count, 3);
  });

  it('stops at the budget, within groups too', () => {
    const list = readAddressList('a@b, g: c@d, e@f, h@i; j@k', 3);
    assert.deepEqual(list.addresses.map(described), ['? <a@b>', 'g {? <c@d>, ? <e@f>}']);
    assert.ok(list.isTruncated);
  });

  it('is decoded for people', () => {
    const { addresses } = readAddressList(
      '=?iso-8859-1?Q?J=FCrgen?= <j@example.org>, "a b"@example.org, no address, ' +
        Buffer.from('Jürgen <jü@exämple.org>').toString('latin1') +
        ', =?utf-8?Q?Gr=C3=BC=C3=9Fe?=: x@y;',
    );
    assert.deepEqual(decodeAddresses(addresses), [
      { name: 'Jürgen', address: 'j@example.org' },
      { name: '', address: '"a b"@example.org' },
      { name: 'no address', address: '' },
      { name: 'Jürgen', address: 'jü@exämple.org' },
      { name: 'Grüße', address: '', group: [{ name: '', address: 'x@y' }] },
    ]);
  });
});
