import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LogPosition, LogScan } from '../../lib/embedded/store/log-scan.ts';
import { judgeFiles, type FoundFiles } from '../../lib/embedded/store/verify-files.ts';

const salts = (first: number, second = 7): Buffer => {
  const octets = Buffer.alloc(8);
  octets.writeUInt32BE(first >>> 0, 0);
  octets.writeUInt32BE(second, 4);
  return octets;
};

const log = (changes: Partial<LogScan> = {}): LogScan => ({
  octets: 50_000,
  salts: salts(5),
  validFrames: 6,
  committedFrames: 6,
  lostFrames: 0,
  reachesPosition: true,
  ...changes,
});

const acknowledged = (frames: number, first = 5): LogPosition => ({
  salts: salts(first),
  frames,
  sum: Buffer.alloc(8),
});

const files = (changes: Partial<FoundFiles>): FoundFiles => ({
  mainOctets: 81_920,
  mainClaims: 81_920,
  log: undefined,
  acknowledged: undefined,
  ...changes,
});

const EMPTY = log({ octets: 0, salts: undefined, validFrames: 0, committedFrames: 0, reachesPosition: false });
const HEADLESS = log({ salts: undefined, validFrames: 0, committedFrames: 0, reachesPosition: false });

/** What lies on the disk, and what is said of it; undefined for nothing. */
const CASES: readonly (readonly [string, Partial<FoundFiles>, RegExp | undefined])[] = [
  ['nothing at all', { mainOctets: undefined, mainClaims: undefined }, undefined],
  ['a file just created', { mainOctets: 0, mainClaims: undefined }, undefined],
  ['no file, and a record of one', { mainOctets: undefined, acknowledged: acknowledged(0) }, /missing or empty/],
  ['no file, and its log', { mainOctets: undefined, log: log() }, /missing or empty/],
  ['an empty file, and a record', { mainOctets: 0, acknowledged: acknowledged(3) }, /missing or empty/],
  ['a file alone, as a copy is', {}, undefined],
  ['a file after an orderly end', { acknowledged: acknowledged(0) }, undefined],
  ['a file cut short, alone', { mainOctets: 40_960 }, /cut short/],
  ['a file cut short beside an empty log', { mainOctets: 40_960, log: EMPTY }, /cut short/],
  ['a file as a checkpoint died in it', { mainOctets: 40_960, log: log(), acknowledged: acknowledged(6) }, undefined],
  ['a file that grew while a checkpoint died', { mainOctets: 163_840, log: log() }, undefined],
  ['a log as its owner died', { log: log(), acknowledged: acknowledged(6) }, undefined],
  ['a log with an unacknowledged tail', { log: log(), acknowledged: acknowledged(4) }, undefined],
  [
    'a log whose acknowledged frames do not hold',
    { log: log({ reachesPosition: false }), acknowledged: acknowledged(7) },
    /behind frame 6; 7 frames were acknowledged/,
  ],
  ['no log, and frames of it acknowledged', { acknowledged: acknowledged(3) }, /log is missing; 3 frames/],
  [
    'an emptied log, and frames of it acknowledged',
    { log: EMPTY, acknowledged: acknowledged(3) },
    /log is missing; 3 frames/,
  ],
  ['an empty log, nothing of it acknowledged', { log: EMPTY, acknowledged: acknowledged(0) }, undefined],
  [
    'a log begun anew, its record not yet',
    { log: log({ salts: salts(6), reachesPosition: false }), acknowledged: acknowledged(9) },
    undefined,
  ],
  [
    'a log begun anew where its count runs over',
    { log: log({ salts: salts(0), reachesPosition: false }), acknowledged: acknowledged(9, -1) },
    undefined,
  ],
  [
    'a log from before the record',
    { log: log({ salts: salts(4), reachesPosition: false }), acknowledged: acknowledged(9) },
    /another than the one acknowledged/,
  ],
  [
    'a log of the same count by another program',
    { log: log({ salts: salts(5, 8), reachesPosition: false }), acknowledged: acknowledged(9) },
    /another than the one acknowledged/,
  ],
  [
    'any log where nothing was acknowledged of one',
    { log: log({ salts: salts(999_999_999) }), acknowledged: acknowledged(0) },
    undefined,
  ],
  ['a header that was never finished', { log: { ...HEADLESS, octets: 20 }, acknowledged: acknowledged(0) }, undefined],
  ['a damaged header before frames', { log: HEADLESS, acknowledged: acknowledged(0) }, /header .* damaged/],
  [
    'a damaged header, frames acknowledged',
    { log: { ...HEADLESS, octets: 32 }, acknowledged: acknowledged(2) },
    /header .* damaged/,
  ],
  [
    'commits behind a damaged frame, without a record',
    { log: log({ lostFrames: 4 }) },
    /behind frame 6; 4 later frames are lost/,
  ],
  [
    'commits behind a damaged frame that none acknowledged yet',
    { log: log({ lostFrames: 4 }), acknowledged: acknowledged(2) },
    /4 later frames are lost/,
  ],
];

describe('what lies on the disk before it is opened', () => {
  for (const [what, changes, expected] of CASES) {
    it(`${what}: ${expected === undefined ? 'is opened' : 'is named'}`, () => {
      const damage = judgeFiles(files(changes));
      if (expected === undefined) assert.equal(damage, undefined);
      else assert.match(damage ?? 'nothing', expected);
    });
  }
});
