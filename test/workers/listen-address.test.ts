import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatListenAddress, parseListenAddress } from '../../workers/listen-address.ts';

describe('listen addresses', () => {
  const cases: readonly (readonly [string, ReturnType<typeof parseListenAddress>])[] = [
    ['127.0.0.1:9143', { host: '127.0.0.1', port: 9143 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['[::]:65535', { host: '::', port: 65_535 }],
    ['[::1]:1', { host: '::1', port: 1 }],
    ['127.0.0.1:65536', undefined],
    ['127.0.0.1', undefined],
    ['127.0.0.1:', undefined],
    [':9143', undefined],
    ['::1:9143', undefined],
    ['[::1]', undefined],
    ['9143', undefined],
    ['host name:9143', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of cases) {
    it(JSON.stringify(text), () => {
      assert.deepEqual(parseListenAddress(text), expected);
      if (expected !== undefined) assert.equal(formatListenAddress(expected), text);
    });
  }
});
