import { LineClient } from './line-client.ts';

/** Redis by hand: what a stranger with access to it may send, and what is in it. */
export class RawRedis {
  readonly #lines: LineClient;

  private constructor(lines: LineClient) {
    this.#lines = lines;
  }

  static async connect(port: number): Promise<RawRedis> {
    return new RawRedis(await LineClient.connect({ host: '127.0.0.1', port }));
  }

  /** Words separated by spaces. */
  async command(text: string): Promise<string> {
    return this.send(text.split(' '));
  }

  /** The reply, the lines of an array joined by spaces. */
  async send(words: readonly string[]): Promise<string> {
    const parts = words.map((word) => `$${String(Buffer.byteLength(word))}\r\n${word}\r\n`);
    await this.#lines.write(Buffer.from(`*${String(words.length)}\r\n${parts.join('')}`));
    return this.#reply();
  }

  close(): void {
    this.#lines.destroy();
  }

  async #reply(): Promise<string> {
    const line = await this.#lines.line();
    if (line.startsWith('*')) {
      const items: string[] = [];
      for (let n = 0; n < Number(line.slice(1)); n += 1) items.push(await this.#reply());
      return [line, ...items].join(' ');
    }
    if (!line.startsWith('$') || line === '$-1') return line;
    return (await this.#lines.octets(Number(line.slice(1)) + 2)).toString('latin1').slice(0, -2);
  }
}
