import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createProgressBar } from '../../../workers/transfer/progress-bar.ts';

function fakeTerminal(isTTY: boolean): { readonly stream: NodeJS.WriteStream; readonly written: string[] } {
  const written: string[] = [];
  const stream = { isTTY, write: (text: string) => written.push(text) > 0 };
  return { stream: stream as unknown as NodeJS.WriteStream, written };
}

describe('the progress bar', () => {
  it('draws over itself on a terminal, at most ten times a second, and goes', () => {
    let now = 0;
    const { stream, written } = fakeTerminal(true);
    const bar = createProgressBar({ monotonic: () => now }, stream);
    bar.show(0, 'begun');
    now = 99;
    bar.show(0.4, 'too soon');
    now = 100;
    bar.show(0.5, 'half');
    now = 200;
    bar.show(1.7, 'more than all');
    bar.end();
    assert.deepEqual(written, [
      `\r[${' '.repeat(30)}]   0 %  begun\u001b[K`,
      `\r[${'#'.repeat(15)}${' '.repeat(15)}]  50 %  half\u001b[K`,
      `\r[${'#'.repeat(30)}] 100 %  more than all\u001b[K`,
      '\r\u001b[K',
    ]);
  });

  it('says nothing where there is no terminal', () => {
    const { stream, written } = fakeTerminal(false);
    const bar = createProgressBar({ monotonic: () => 0 }, stream);
    bar.show(0.5, 'half');
    bar.end();
    assert.deepEqual(written, []);
  });
});
