import { SMTPStream } from 'smtp-server/lib/smtp-stream.js';
import { DotUnstuffing } from './dot-unstuffing.ts';

/**
 * smtp-server's parser with a reader of DATA of our own. The library's removes a dot after a bare LF too, keeps one
 * that stands alone before other octets, and does not wait for the reader of the message between stuffed lines.
 */
export class DataParser extends SMTPStream {
  #unstuffing = new DotUnstuffing();

  override startDataMode(maxBytes?: number | string | null): ReturnType<SMTPStream['startDataMode']> {
    this.#unstuffing = new DotUnstuffing();
    return super.startDataMode(maxBytes);
  }

  override _feedDataStream(chunk: Buffer, done: (error?: Error | null) => void): void {
    const { octets, rest } = this.#unstuffing.push(chunk);
    this._countDataBytes(octets.length);
    if (rest !== undefined) {
      this._endDataMode(octets, rest, done);
      return;
    }
    const stream = this._dataStream;
    // A reader that has given up leaves the stream unwritable: the rest of the message is passed over.
    if (octets.length === 0 || stream === null || !stream.writable || stream.write(octets)) {
      done();
      return;
    }
    const proceed = (): void => {
      stream.off('drain', proceed);
      stream.off('close', proceed);
      done();
    };
    stream.on('drain', proceed);
    stream.on('close', proceed);
  }
}
