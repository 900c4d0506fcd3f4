import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Decoder } from '../../../imap-core/wire/decoder.ts';
import { SyntaxFault } from '../../../imap-core/wire/faults.ts';

const refused = (read: () => unknown): void => {
  assert.throws(read, SyntaxFault);
};

describe('decoder', () => {
  it('reads atoms, and stops at what ends them', () => {
    for (const [text, atom] of [
      ['abc def', 'abc'],
      ['a(b', 'a'],
      ['a)', 'a'],
      ['a{5}', 'a'],
      ['a%', 'a'],
      ['a]', 'a'],
      ['$Work_1+!', '$Work_1+!'],
    ] as const) {
      assert.equal(new Decoder([text]).atom(), atom);
    }
    for (const text of ['', ' a', '"a"', '(', '\\Seen', '\u00e9', '\u0000', '\u007f', '*'])
      refused(() => new Decoder([text]).atom());
  });

  it('takes the tags that answers can carry, and no others', () => {
    for (const tag of ['a1', 'A.b]c', 'x'.repeat(64)]) assert.equal(new Decoder([`${tag} NOOP`]).tag(), tag);
    for (const tag of ['', '*', 'a+b', 'x'.repeat(65)]) refused(() => new Decoder([`${tag} NOOP`]).tag());
  });

  it('reads astrings in all forms', () => {
    assert.equal(new Decoder(['a]b c']).astring(), 'a]b');
    assert.equal(new Decoder(['"a b"']).astring(), 'a b');
    assert.equal(new Decoder(['"a\\"b\\\\c"']).astring(), 'a"b\\c');
    assert.equal(new Decoder(['', Buffer.from('a\r\nb'), '']).astring(), 'a\r\nb');
    assert.equal(new Decoder(['""']).astring(), '');
  });

  it('refuses broken strings', () => {
    for (const text of ['"abc', '"a\\bc"', '"a\u0000b"', '"a\rb"', '"\\']) refused(() => new Decoder([text]).string());
    refused(() => new Decoder(['', Buffer.from('a\0b'), '']).string());
    refused(() => new Decoder(['abc']).string());
  });

  it('goes on behind a literal', () => {
    const decoder = new Decoder(['LOGIN ', Buffer.from('me'), ' ', Buffer.from('secret'), '']);
    assert.equal(decoder.word(), 'LOGIN');
    decoder.space();
    assert.equal(decoder.astring(), 'me');
    assert.equal(decoder.isAtEnd, false);
    decoder.space();
    assert.equal(decoder.astring(), 'secret');
    decoder.expectEnd();
  });

  it('reads numbers within their bounds', () => {
    assert.equal(new Decoder(['4294967295']).number(), 4294967295);
    assert.equal(new Decoder(['0']).number(), 0);
    for (const text of ['4294967296', '99999999999999999999', '-1', '', 'x'])
      refused(() => new Decoder([text]).number());
    refused(() => new Decoder(['0']).nzNumber());
    assert.equal(new Decoder(['9007199254740991']).modSeq(), Number.MAX_SAFE_INTEGER);
    assert.equal(new Decoder(['9223372036854775807']).modSeq(), Number.MAX_SAFE_INTEGER);
    refused(() => new Decoder(['92233720368547758070']).modSeq());
  });

  it('takes whole words only', () => {
    assert.equal(new Decoder(['NIL']).nstring(), undefined);
    refused(() => new Decoder(['NILLY']).nstring());
    assert.equal(new Decoder(['return (']).takeWord('RETURN'), true);
    assert.equal(new Decoder(['RETURNED']).takeWord('RETURN'), false);
  });

  it('reads lists, and parentheses only so deep', () => {
    const items: string[] = [];
    const decoder = new Decoder(['(a b c) d']);
    decoder.list(() => items.push(decoder.atom()));
    assert.deepEqual(items, ['a', 'b', 'c']);
    new Decoder(['()']).list(() => assert.fail('there is no item'));
    for (const text of ['(a  b)', '(a', '(a b', '( a)', '(a )']) {
      const broken = new Decoder([text]);
      refused(() => {
        broken.list(() => broken.atom());
      });
    }
    for (const [depth, isRefused] of [
      [49, false],
      [50, false],
      [51, true],
    ] as const) {
      const nested = new Decoder(['('.repeat(depth)]);
      const open = (): void => {
        for (let i = 0; i < depth; i += 1) nested.openList();
      };
      if (isRefused) refused(open);
      else open();
    }
  });

  it('refuses what follows the end', () => {
    const decoder = new Decoder(['a b']);
    decoder.atom();
    refused(() => {
      decoder.expectEnd();
    });
  });
});
