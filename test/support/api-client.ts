/** What an API call answered; `body` is parsed JSON where it is JSON. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly octets: Buffer;
  readonly headers: Headers;
}

/** The HTTP API with one token. */
export class ApiClient {
  readonly url: string;
  readonly token: string;

  constructor(url: string, token: string) {
    this.url = url.replace(/\/$/, '');
    this.token = token;
  }

  async call(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<ApiAnswer> {
    const payload = Buffer.isBuffer(body)
      ? new Uint8Array(body)
      : body === undefined
        ? undefined
        : JSON.stringify(body);
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(payload === undefined ? {} : { 'content-type': contentType }),
      },
      ...(payload === undefined ? {} : { body: payload }),
    });
    const octets = Buffer.from(await response.arrayBuffer());
    const isJson = (response.headers.get('content-type') ?? '').includes('application/json');
    const parsed = isJson ? (JSON.parse(octets.toString('utf8')) as Record<string, unknown>) : {};
    return { status: response.status, body: parsed, octets, headers: response.headers };
  }

  /** As `call`; throws unless the status is 2xx. */
  async ok(method: string, path: string, body?: unknown, contentType?: string): Promise<ApiAnswer> {
    const answer = await this.call(method, path, body, contentType);
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${String(answer.status)} ${answer.octets.toString('utf8').slice(0, 300)}`);
    return answer;
  }

  /** Creates a user and returns its id. */
  async createUser(
    username: string,
    password: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): Promise<string> {
    const answer = await this.ok('POST', '/users', { username, password, ...fields });
    return String(answer.body['id']);
  }

  /** The id of a user's mailbox. */
  async mailboxId(user: string, path: string): Promise<string> {
    const answer = await this.ok('GET', `/users/${user}/mailboxes/resolve?path=${encodeURIComponent(path)}`);
    return String(answer.body['id']);
  }
}
