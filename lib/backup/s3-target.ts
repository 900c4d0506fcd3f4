import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../kernel/clock.ts';
import { TargetError, type BackupTarget, type TargetObject } from './backup-target.ts';
import { signRequest, uriEncode, type S3Credentials } from './s3-signature.ts';

export interface S3Options {
  /** `https://host[:port]`; buckets are named in the path, which every server of the protocol understands. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** What every name begins with; '' or with a `/` at the end. */
  readonly prefix: string;
  readonly credentials: S3Credentials;
  readonly clock: Clock;
  /** Before the second try, in milliseconds; doubled before each further one. */
  readonly firstPauseMs?: number;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 250;
/** Of one try; an object has some tens of MiB at most. */
const TRY_MS = 120_000;
const TOO_MANY = 429;

/** A bucket of S3, or of what speaks like it. Every object goes in one request, which S3 stores whole or not at all. */
export function createS3Target(options: S3Options): BackupTarget {
  const client = new S3Client(options);
  return {
    title: `s3://${options.bucket}/${options.prefix}`,
    put: async (name, octets) => {
      client.expect(await client.send('PUT', name, { body: octets }), name, [200]);
    },
    putIfAbsent: async (name, octets) => {
      // A try whose answer was lost may have written it: then what is there is ours.
      const answer = await client.send('PUT', name, { body: octets, headers: { 'if-none-match': '*' } });
      if (answer.status !== 412) return client.expect(answer, name, [200]).status === 200;
      const there = await client.send('GET', name, {});
      return there.status === 200 && there.body.equals(octets);
    },
    get: async (name) => {
      const answer = client.expect(await client.send('GET', name, {}), name, [200, 404]);
      return answer.status === 404 ? undefined : answer.body;
    },
    size: async (name) => {
      const answer = client.expect(await client.send('HEAD', name, {}), name, [200, 404]);
      return answer.status === 404 ? undefined : Number(answer.headers.get('content-length'));
    },
    list: (prefix) => client.list(prefix),
    remove: async (name) => {
      client.expect(await client.send('DELETE', name, {}), name, [200, 204, 404]);
    },
  };
}

interface Sent {
  readonly body?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

class S3Client {
  readonly #options: S3Options;

  constructor(options: S3Options) {
    this.#options = options;
  }

  /** Tries again what may succeed then. @throws TargetError where nobody answers */
  async send(method: string, name: string, sent: Sent): Promise<Answer> {
    let pause = this.#options.firstPauseMs ?? FIRST_PAUSE_MS;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await this.#sendOnce(method, name, sent);
        const mayPass = answer.status >= 500 || answer.status === TOO_MANY;
        if (!mayPass || attempt === ATTEMPTS) return answer;
      } catch (error) {
        if (attempt === ATTEMPTS)
          throw new TargetError(`${this.#options.endpoint} cannot be reached: ${reasonOf(error)}`, { cause: error });
      }
      await delay(pause);
      pause *= 2;
    }
  }

  async #sendOnce(method: string, name: string, { body, headers = {}, query = {} }: Sent): Promise<Answer> {
    const { endpoint, bucket, prefix, credentials, region, clock } = this.#options;
    const path = name === '' ? '' : `/${(prefix + name).split('/').map(uriEncode).join('/')}`;
    const url = new URL(`/${uriEncode(bucket)}${path}`, endpoint);
    const text = Object.entries(query).map(([key, value]) => `${uriEncode(key)}=${uriEncode(value)}`);
    url.search = text.join('&');
    const request = { method, url, headers, body };
    const response = await fetch(url, {
      method,
      headers: signRequest(request, credentials, region, clock.now()),
      // A view of the same memory, of the type that fetch takes.
      ...(body === undefined ? {} : { body: new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.length) }),
      signal: AbortSignal.timeout(TRY_MS),
      redirect: 'error',
    });
    const octets = Buffer.from(await response.arrayBuffer());
    const length = Number(response.headers.get('content-length') ?? octets.length);
    if (method !== 'HEAD' && octets.length !== length) throw new Error('the answer ended early');
    return { status: response.status, headers: response.headers, body: octets };
  }

  /** @throws TargetError with what the server says */
  expect(answer: Answer, name: string, statuses: readonly number[]): Answer {
    if (statuses.includes(answer.status)) return answer;
    const code = textIn(answer.body.toString('utf8', 0, 4096), 'Code') ?? '';
    throw new TargetError(
      `${this.#options.endpoint} refuses ${name === '' ? 'a list' : name}: ${String(answer.status)} ${code}`.trimEnd(),
    );
  }

  async *list(prefix: string): AsyncGenerator<TargetObject, void, undefined> {
    const own = this.#options.prefix;
    let token: string | undefined;
    do {
      const query = {
        'list-type': '2',
        'encoding-type': 'url',
        prefix: own + prefix,
        ...(token === undefined ? {} : { 'continuation-token': token }),
      };
      const answer = this.expect(await this.send('GET', '', { query }), '', [200]);
      const text = answer.body.toString('utf8');
      for (const [, entry = ''] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
        const key = decodeURIComponent((textIn(entry, 'Key') ?? '').replaceAll('+', '%20'));
        yield { name: key.slice(own.length), octets: Number(textIn(entry, 'Size')) };
      }
      const isTruncated = textIn(text, 'IsTruncated');
      token = isTruncated === 'true' ? textIn(text, 'NextContinuationToken') : undefined;
      // Half a list would be taken for the whole: a backup that is not in it would lose its attachments to a prune.
      if (isTruncated === undefined || (isTruncated === 'true' && token === undefined))
        throw new TargetError(`${this.#options.endpoint} answers something else than a list`);
    } while (token !== undefined);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/** The text of the first such element. What S3 answers is written by a program, always in this form. */
function textIn(xml: string, element: string): string | undefined {
  const start = xml.indexOf(`<${element}>`);
  const end = xml.indexOf(`</${element}>`, start);
  if (start < 0 || end < 0) return undefined;
  return xml
    .slice(start + element.length + 2, end)
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}
