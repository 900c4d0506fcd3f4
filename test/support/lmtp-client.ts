import { LineClient, type ConnectOptions } from './line-client.ts';

/** Doubles leading dots and adds what ends the data (RFC 5321 section 4.5.2). */
export function dotStuffed(octets: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let from = 0;
  const dot = Buffer.from('.');
  if (octets[0] === 0x2e) pieces.push(dot);
  for (let at = octets.indexOf('\r\n.'); at >= 0; at = octets.indexOf('\r\n.', at + 2)) {
    pieces.push(octets.subarray(from, at + 2), dot);
    from = at + 2;
  }
  pieces.push(octets.subarray(from));
  const endsWithLine = octets.length >= 2 && octets.subarray(octets.length - 2).equals(Buffer.from('\r\n'));
  // An empty message is at the start of a line already.
  pieces.push(Buffer.from(endsWithLine || octets.length === 0 ? '.\r\n' : '\r\n.\r\n'));
  return Buffer.concat(pieces);
}

/** LMTP over a raw socket. */
export class LmtpClient {
  readonly lines: LineClient;

  private constructor(lines: LineClient) {
    this.lines = lines;
  }

  /** @throws an Error whose text is the greeting where that turns the client away */
  static async connect(options: ConnectOptions): Promise<LmtpClient> {
    const client = new LmtpClient(await LineClient.connect(options));
    try {
      const greeting = await client.reply();
      if (!greeting.startsWith('220')) throw new Error(greeting);
      await client.command('LHLO client.example');
    } catch (error) {
      client.lines.destroy();
      throw error;
    }
    return client;
  }

  /** One reply, its lines joined by a newline. */
  async reply(): Promise<string> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.lines.line();
      lines.push(line);
      if (line[3] !== '-') return lines.join('\n');
    }
  }

  async command(text: string): Promise<string> {
    await this.lines.write(`${text}\r\n`);
    return this.reply();
  }

  /** A whole transaction; resolves to the replies after DATA, one an accepted recipient. */
  async deliver(octets: Buffer, recipients: readonly string[], sender = 'sender@example.org'): Promise<string[]> {
    const accepted = await this.start(recipients, sender);
    if (accepted === 0) throw new Error('no recipient was accepted');
    await this.lines.write(dotStuffed(octets));
    const replies: string[] = [];
    for (let n = 0; n < accepted; n += 1) replies.push(await this.reply());
    return replies;
  }

  /** MAIL, RCPTs and DATA; resolves to the number of accepted recipients when the server waits for octets. */
  async start(recipients: readonly string[], sender = 'sender@example.org'): Promise<number> {
    return (await this.startFor(recipients, sender)).length;
  }

  /** As `start`; resolves to the accepted recipients themselves, in order. */
  async startFor(recipients: readonly string[], sender = 'sender@example.org'): Promise<readonly string[]> {
    const mail = await this.command(`MAIL FROM:<${sender}>`);
    if (!mail.startsWith('250')) throw new Error(mail);
    const accepted: string[] = [];
    for (const recipient of recipients)
      if ((await this.command(`RCPT TO:<${recipient}>`)).startsWith('250')) accepted.push(recipient);
    if (accepted.length === 0) return [];
    const data = await this.command('DATA');
    if (!data.startsWith('354')) throw new Error(data);
    return accepted;
  }

  async quit(): Promise<void> {
    await this.command('QUIT').catch(() => undefined);
    this.lines.destroy();
  }
}
