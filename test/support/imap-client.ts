import { LineClient, type ConnectOptions } from './line-client.ts';

/** One response: its text with each literal replaced by `{n}` as it came, and the literals in order. */
export interface ImapResponse {
  readonly text: string;
  readonly literals: readonly Buffer[];
}

export interface ImapResult {
  readonly untagged: readonly ImapResponse[];
  readonly tagged: string;
}

/** A client that hides nothing: commands go out as written, responses come back as octets. */
export class ImapClient {
  readonly lines: LineClient;
  readonly greeting: string;
  #tag = 0;

  private constructor(lines: LineClient, greeting: string) {
    this.lines = lines;
    this.greeting = greeting;
  }

  static async connect(options: ConnectOptions): Promise<ImapClient> {
    const lines = await LineClient.connect(options);
    return new ImapClient(lines, await lines.line());
  }

  /** Connected and logged in; where that is refused, the connection is closed. */
  static async login(options: ConnectOptions, username: string, password: string): Promise<ImapClient> {
    const client = await ImapClient.connect(options);
    try {
      await client.ok(`LOGIN "${username}" "${password}"`);
    } catch (error) {
      client.lines.destroy();
      throw error;
    }
    return client;
  }

  nextTag(): string {
    this.#tag += 1;
    return `a${String(this.#tag)}`;
  }

  async response(): Promise<ImapResponse> {
    let text = '';
    const literals: Buffer[] = [];
    for (;;) {
      const line = await this.lines.line();
      text += line;
      const literal = /~?\{(\d+)\}$/.exec(line);
      if (literal === null) return { text, literals };
      literals.push(await this.lines.octets(Number(literal[1])));
    }
  }

  /** Collects responses up to the tagged one. */
  async finish(tag: string): Promise<ImapResult> {
    const untagged: ImapResponse[] = [];
    for (;;) {
      const response = await this.response();
      if (response.text.startsWith(`${tag} `)) return { untagged, tagged: response.text.slice(tag.length + 1) };
      untagged.push(response);
    }
  }

  async command(text: string): Promise<ImapResult> {
    const tag = this.nextTag();
    await this.lines.write(`${tag} ${text}\r\n`);
    return this.finish(tag);
  }

  /** As `command`; throws unless it ends in OK. */
  async ok(text: string): Promise<ImapResult> {
    const result = await this.command(text);
    if (!result.tagged.startsWith('OK')) throw new Error(`${text.slice(0, 80)}: ${result.tagged}`);
    return result;
  }

  async append(mailbox: string, octets: Buffer, flagsAndDate = ''): Promise<ImapResult> {
    const tag = this.nextTag();
    await this.lines.write(`${tag} APPEND "${mailbox}" ${flagsAndDate}{${String(octets.length)}}\r\n`);
    const answer = await this.response();
    if (!answer.text.startsWith('+')) {
      if (answer.text.startsWith(`${tag} `)) return { untagged: [], tagged: answer.text.slice(tag.length + 1) };
      const rest = await this.finish(tag);
      return { ...rest, untagged: [answer, ...rest.untagged] };
    }
    await this.lines.write(octets);
    await this.lines.write('\r\n');
    return this.finish(tag);
  }

  /** The octets of `BODY.PEEK[section]<partial>` of one UID. */
  async body(uid: number, section = '', partial = ''): Promise<Buffer> {
    const { untagged } = await this.ok(`UID FETCH ${String(uid)} (BODY.PEEK[${section}]${partial})`);
    const fetched = untagged.find((response) => response.text.includes('BODY['));
    if (fetched === undefined) throw new Error(`no BODY[${section}] of UID ${String(uid)}`);
    if (fetched.literals[0] !== undefined) return fetched.literals[0];
    const quoted = /\](?:<\d+>)? "((?:[^"\\]|\\.)*)"/.exec(fetched.text);
    return Buffer.from((quoted?.[1] ?? '').replace(/\\(.)/g, '$1'), 'latin1');
  }

  /** The UIDs of the selected mailbox, in order. */
  async uids(): Promise<number[]> {
    const { untagged } = await this.ok('UID FETCH 1:* (FLAGS)');
    return untagged.flatMap((response) => {
      const uid = /^\* \d+ FETCH \(.*UID (\d+)/.exec(response.text);
      return uid === null ? [] : [Number(uid[1])];
    });
  }

  async logout(): Promise<void> {
    await this.command('LOGOUT').catch(() => undefined);
    this.lines.destroy();
  }
}
