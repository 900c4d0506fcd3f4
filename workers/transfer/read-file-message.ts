import { createReadStream } from 'node:fs';
import type { ReadCounter } from './source-message.ts';
import { LineEnds, readLines } from './text-lines.ts';

/** The octets of a file that holds one message, line ends as mail has them. */
export async function* readFileMessage(path: string, counter: ReadCounter): AsyncIterable<Buffer> {
  const ends = new LineEnds();
  const stream = createReadStream(path) as AsyncIterable<Buffer>;
  for await (const line of readLines(stream)) {
    counter.octets += line.octets.length;
    yield ends.apply(line.octets);
  }
}
