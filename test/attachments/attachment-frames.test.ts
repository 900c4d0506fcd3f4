import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FRAME_OCTETS, frameCount, framesOf, groupFrames } from '../../lib/attachments/attachment-frames.ts';
import { isWorthwhile, mayCompress } from '../../lib/attachments/compression-choice.ts';

const NONE = Buffer.alloc(0);

function index(...lengths: readonly number[]): Buffer {
  const octets = Buffer.alloc(4 * lengths.length);
  for (const [frame, length] of lengths.entries()) octets.writeUInt32BE(length, 4 * frame);
  return octets;
}

describe('frames of an attachment', () => {
  it('are counted to the octet', () => {
    assert.deepEqual([0, 1, FRAME_OCTETS, FRAME_OCTETS + 1].map(frameCount), [0, 1, 1, 2]);
  });

  it('hold a range, no frame more', () => {
    const layout = { size: 3 * FRAME_OCTETS + 5, compression: 'none', sealedWith: undefined, frames: NONE } as const;
    const numbers = (start: number, end: number): number[] => framesOf(layout, start, end).map(({ frame }) => frame);
    assert.deepEqual(numbers(0, 0), []);
    assert.deepEqual(numbers(0, 1), [0]);
    assert.deepEqual(numbers(FRAME_OCTETS - 1, FRAME_OCTETS), [0]);
    assert.deepEqual(numbers(FRAME_OCTETS - 1, FRAME_OCTETS + 1), [0, 1]);
    assert.deepEqual(numbers(FRAME_OCTETS, layout.size), [1, 2, 3]);
    assert.equal(framesOf(layout, 0, layout.size).at(-1)?.contentLength, 5);
  });

  it('lie one after another in the file', () => {
    const layout = {
      size: 2 * FRAME_OCTETS + 1,
      compression: 'zstd',
      sealedWith: undefined,
      frames: index(10, 20, 3),
    } as const;
    assert.deepEqual(
      framesOf(layout, FRAME_OCTETS, layout.size).map(({ fileStart, fileLength }) => [fileStart, fileLength]),
      [
        [10, 20],
        [30, 3],
      ],
    );
    assert.throws(() => framesOf({ ...layout, frames: index(10, 20) }, 0, 1), RangeError);
  });

  it('are read together up to a size', () => {
    const layout = {
      size: 4 * FRAME_OCTETS,
      compression: 'zstd',
      sealedWith: undefined,
      frames: index(10, 20, 100, 5),
    } as const;
    const groups = groupFrames(framesOf(layout, 0, layout.size), 30);
    assert.deepEqual(
      groups.map((group) => group.map(({ frame }) => frame)),
      [[0, 1], [2], [3]],
    );
  });
});

describe('whether compression pays', () => {
  for (const [type, expected] of [
    ['text/plain', true],
    ['application/pdf', true],
    ['application/octet-stream', true],
    ['image/jpeg', false],
    ['image/bmp', true],
    ['video/mp4', false],
    ['audio/wav', true],
    ['audio/mpeg', false],
    ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', false],
    ['constructor', true],
  ] as const) {
    it(`${type}: ${expected ? 'try' : 'no'}`, () => assert.equal(mayCompress(type), expected));
  }

  it('asks for a tenth', () => {
    assert.ok(isWorthwhile(100, 90));
    assert.ok(!isWorthwhile(100, 91));
  });
});
