import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePlainResponse } from '../../../lib/frontends/pop3/sasl-plain.ts';

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

describe('SASL PLAIN response', () => {
  const accepted: readonly (readonly [text: string, username: string, password: string])[] = [
    ['\0user\0secret', 'user', 'secret'],
    ['user\0user\0secret', 'user', 'secret'],
    ['\0jürgen@bücher.example\0pässwort', 'jürgen@bücher.example', 'pässwort'],
    ['\0user\0 spaces ', 'user', ' spaces '],
  ];
  for (const [text, username, password] of accepted) {
    it(`reads ${JSON.stringify(text)}`, () => {
      assert.deepEqual(parsePlainResponse(base64(text)), { username, password });
    });
  }
  const refused: readonly string[] = [
    '',
    '=',
    '*',
    'AHVzZXI',
    'AHVzZXI*',
    `${base64('\0user\0secret')} `,
    base64('user\0secret'),
    base64('\0user\0'),
    base64('\0\0secret'),
    base64('other\0user\0secret'),
    base64('\0user\0secret\0more'),
    Buffer.from('\0user\0\xff', 'latin1').toString('base64'),
  ];
  for (const text of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(parsePlainResponse(text), undefined);
    });
  }
});
