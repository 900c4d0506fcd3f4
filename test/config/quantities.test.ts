import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../lib/config/quantities.ts';

describe('sizes', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['0', 0],
    ['1', 1],
    ['64MiB', 67_108_864],
    ['64 MiB', 67_108_864],
    ['8KiB', 8192],
    ['5GiB', 5_368_709_120],
    ['2TiB', 2_199_023_255_552],
    ['64MB', undefined],
    ['64mib', undefined],
    ['1.5GiB', undefined],
    ['-1', undefined],
    ['', undefined],
    ['64  MiB', undefined],
    ['999999999999999TiB', undefined],
    ['1e3', undefined],
  ];
  for (const [text, octets] of cases) {
    it(`${JSON.stringify(text)} is ${String(octets)}`, () => assert.equal(parseSize(text), octets));
  }

  it('are written in the largest unit without a fraction', () => {
    assert.deepEqual([0, 1, 1023, 1024, 1536, 1024 ** 3, 1025 * 1024].map(formatSize), [
      '0',
      '1',
      '1023',
      '1KiB',
      '1536',
      '1GiB',
      '1025KiB',
    ]);
  });
});

describe('durations', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['0s', 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['8d', 691_200_000],
    ['30', undefined],
    ['30 s', 30_000],
    ['1h30m', undefined],
    ['-5s', undefined],
    ['5M', undefined],
    ['', undefined],
    ['999999999999999d', undefined],
  ];
  for (const [text, milliseconds] of cases) {
    it(`${JSON.stringify(text)} is ${String(milliseconds)}`, () => assert.equal(parseDuration(text), milliseconds));
  }

  it('come back as they were written', () => {
    for (const text of ['0s', '1ms', '250ms', '30s', '90s', '5m', '1h', '1d', '8d']) {
      assert.equal(formatDuration(parseDuration(text) ?? -1), text);
    }
  });
});
