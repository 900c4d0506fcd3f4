import { LineClient, type ConnectOptions } from './line-client.ts';

/** POP3 over a raw socket; multi-line answers come back as octets with dot-stuffing undone. */
export class Pop3Client {
  readonly lines: LineClient;

  private constructor(lines: LineClient) {
    this.lines = lines;
  }

  static async connect(options: ConnectOptions): Promise<Pop3Client> {
    const client = new Pop3Client(await LineClient.connect(options));
    await client.lines.line();
    return client;
  }

  static async login(options: ConnectOptions, username: string, password: string): Promise<Pop3Client> {
    const client = await Pop3Client.connect(options);
    await client.ok(`USER ${username}`);
    await client.ok(`PASS ${password}`);
    return client;
  }

  async command(text: string): Promise<string> {
    await this.lines.write(`${text}\r\n`);
    return this.lines.line();
  }

  async ok(text: string): Promise<string> {
    const answer = await this.command(text);
    if (!answer.startsWith('+OK')) throw new Error(`${text}: ${answer}`);
    return answer;
  }

  /** The octets of a multi-line answer, each line with its CRLF. */
  async multiLine(text: string): Promise<Buffer> {
    await this.ok(text);
    const lines: string[] = [];
    for (;;) {
      const line = await this.lines.line();
      if (line === '.') return Buffer.from(lines.join(''), 'latin1');
      lines.push(`${line.startsWith('.') ? line.slice(1) : line}\r\n`);
    }
  }

  async quit(): Promise<string> {
    const answer = await this.command('QUIT');
    this.lines.destroy();
    return answer;
  }
}
