import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRedisAddress } from '../../lib/redis/index.ts';

const plain = { isTls: false, username: undefined, password: undefined, primary: undefined, database: 0 };

const GOOD: Readonly<Record<string, object>> = {
  'redis://127.0.0.1:6380': { ...plain, kind: 'standalone', hosts: [{ host: '127.0.0.1', port: 6380 }] },
  'redis://cache': { ...plain, kind: 'standalone', hosts: [{ host: 'cache', port: 6379 }] },
  'redis://[2001:db8::1]:1/3': { ...plain, kind: 'standalone', hosts: [{ host: '2001:db8::1', port: 1 }], database: 3 },
  'rediss://me:p%40ss%2F@cache': {
    ...plain,
    kind: 'standalone',
    hosts: [{ host: 'cache', port: 6379 }],
    isTls: true,
    username: 'me',
    password: 'p@ss/',
  },
  'redis://:only@cache': {
    ...plain,
    kind: 'standalone',
    hosts: [{ host: 'cache', port: 6379 }],
    password: 'only',
  },
  'redis+sentinel://a,b:5/mymaster': {
    ...plain,
    kind: 'sentinel',
    hosts: [
      { host: 'a', port: 26_379 },
      { host: 'b', port: 5 },
    ],
    primary: 'mymaster',
  },
  'rediss+cluster://a:1,b:2': {
    ...plain,
    kind: 'cluster',
    isTls: true,
    hosts: [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ],
  },
};

const BAD = [
  '',
  'redis:',
  'redis://',
  'http://cache',
  'redis://a,b',
  'redis://a:0',
  'redis://a:65536',
  'redis://a:1:2',
  'redis://a/x',
  'redis://a b',
  'redis://%zz@a',
  'redis+sentinel://a',
  'redis+cluster://a/0',
  'redis+cluster://a,,b',
  `redis://${'a'.repeat(5000)}`,
  `redis+cluster://${Array.from({ length: 65 }, () => 'a').join(',')}`,
];

describe('addresses of Redis', () => {
  for (const [text, address] of Object.entries(GOOD)) {
    it(text, () => assert.deepEqual(parseRedisAddress(text), address));
  }
  for (const text of BAD) {
    it(`is none: ${text.slice(0, 40)}`, () => assert.equal(typeof parseRedisAddress(text), 'string'));
  }
});
