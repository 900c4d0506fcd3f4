import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConnectionLost } from '../../../imap-core/wire/faults.ts';
import { Input } from '../../../imap-core/wire/input.ts';
import { Output, type OutputSink } from '../../../imap-core/wire/output.ts';
import { turn } from '../../../imap-core/wire/turn.ts';
import { threadTime } from '../../support/processor-time.ts';

describe('input', () => {
  it('pauses its source at the mark and resumes it below', async () => {
    const events: string[] = [];
    const input = new Input({ pause: () => events.push('pause'), resume: () => events.push('resume') }, 10);
    input.feed(Buffer.alloc(9));
    assert.equal(events.join(), '');
    input.feed(Buffer.alloc(1));
    assert.equal(events.join(), 'pause');
    input.take(1);
    assert.equal(events.join(), 'pause,resume');
    input.feed(Buffer.alloc(5));
    assert.equal(events.join(), 'pause,resume,pause');
    // Whoever asks for more than the mark gets it.
    const more = input.more();
    assert.equal(events.at(-1), 'resume');
    input.feed(Buffer.alloc(1));
    await more;
  });

  it('never writes over what it has handed out', () => {
    const input = new Input({ pause: () => undefined, resume: () => undefined }, 1000);
    input.feed(Buffer.from('abc'));
    input.feed(Buffer.from('def'));
    const first = input.take(4);
    input.feed(Buffer.from('ghi'));
    const second = input.take(5);
    for (let i = 0; i < 50; i += 1) {
      input.feed(Buffer.from('xxxx'));
      input.take(3);
    }
    assert.equal(first.toString(), 'abcd');
    assert.equal(second.toString(), 'efghi');
  });

  it('takes linear time for a line that comes octet by octet', () => {
    const octet = Buffer.from('x');
    const time = (count: number): number => {
      const input = new Input({ pause: () => undefined, resume: () => undefined }, 64);
      const start = threadTime();
      for (let at = 0; at < count; at += 1) {
        input.feed(octet);
        assert.ok(input.takeLine(count).kind === 'incomplete');
      }
      return threadTime() - start;
    };
    time(50_000);
    // In turns, so that what else goes on meets both.
    let [once, twice] = [Infinity, Infinity];
    for (let run = 0; run < 4; run += 1) {
      once = Math.min(once, time(100_000));
      twice = Math.min(twice, time(200_000));
    }
    assert.ok(twice < 2.5 * once + 10, `${once} ms, then ${twice} ms`);
  });
});

class FakeSink implements OutputSink {
  readonly written: Buffer[] = [];
  writableLength = 0;
  writableNeedDrain = false;

  write(octets: Buffer): boolean {
    this.written.push(octets);
    this.writableLength += octets.length;
    this.writableNeedDrain = true;
    return false;
  }

  cork(): void {
    // Nothing is held back here.
  }

  uncork(): void {
    // As above.
  }

  drain(output: Output): void {
    this.writableLength = 0;
    this.writableNeedDrain = false;
    output.drained();
  }
}

const MARKS = { pauseOctets: 100, streamOctets: 50, closeOctets: 200, stallMs: 10_000 };

function createOutput(marks = MARKS): { output: Output; sink: FakeSink; overflows: string[] } {
  const sink = new FakeSink();
  const overflows: string[] = [];
  const output = new Output(sink, marks, (reason) => {
    overflows.push(reason);
    output.close();
  });
  return { output, sink, overflows };
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  await turn();
  return (await Promise.race([promise, Promise.resolve(pending)])) === pending;
}

describe('output', () => {
  it('hands over what was written in one turn at once', async () => {
    const { output, sink } = createOutput();
    output.write('a');
    output.writeOctets(Buffer.from('b'));
    output.write('c');
    assert.equal(sink.written.length, 0);
    await turn();
    assert.equal(Buffer.concat(sink.written).toString(), 'abc');
    assert.equal(sink.written.length, 1);
  });

  it('pauses from the mark on', async () => {
    for (const [octets, waits] of [
      [99, false],
      [100, true],
      [101, true],
    ] as const) {
      const { output, sink } = createOutput();
      output.write('x'.repeat(octets));
      const ready = output.ready();
      assert.equal(await isPending(ready), waits, String(octets));
      sink.drain(output);
      await ready;
    }
  });

  it('closes past its limit', () => {
    for (const [octets, isCut] of [
      [199, false],
      [200, false],
      [201, true],
    ] as const) {
      const { output, overflows } = createOutput();
      output.write('x'.repeat(octets));
      assert.equal(overflows.length > 0, isCut, String(octets));
    }
  });

  it('streams no faster than the client reads, and exactly as much as announced', async () => {
    const { output, sink } = createOutput();
    let taken = 0;
    async function* pieces(): AsyncIterable<Buffer> {
      for (;;) {
        taken += 1;
        yield Buffer.alloc(30, 'x');
      }
    }
    const streaming = output.stream(pieces(), 100);
    assert.equal(await isPending(streaming), true);
    assert.equal(taken, 2);
    sink.drain(output);
    await turn();
    sink.drain(output);
    await streaming;
    output.flush();
    assert.equal(Buffer.concat(sink.written).length, 100);
    assert.equal(taken, 4);
  });

  it('does not take a stream that ends early for complete', async () => {
    const { output } = createOutput();
    async function* pieces(): AsyncIterable<Buffer> {
      yield Buffer.alloc(5);
    }
    await assert.rejects(output.stream(pieces(), 6), /1 octets early/);
  });

  it('cuts off a client that takes nothing at all', async () => {
    const { output, overflows } = createOutput({ ...MARKS, stallMs: 5 });
    output.write('x'.repeat(150));
    await assert.rejects(output.ready(), ConnectionLost);
    assert.deepEqual(overflows, ['Output stalled']);
  });

  it('wakes who waits when it is closed, and takes no more', async () => {
    const { output, sink } = createOutput();
    output.write('x'.repeat(150));
    const ready = output.ready();
    output.close();
    await assert.rejects(ready, ConnectionLost);
    const before = sink.written.length;
    output.write('y');
    output.flush();
    assert.equal(sink.written.length, before);
    await assert.rejects(output.ready(), ConnectionLost);
  });
});
