import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signRequest, type S3Credentials } from '../../lib/backup/s3-signature.ts';

/** A server of S3's protocol with one bucket in memory, as far as backups use it. */
export interface S3Server {
  readonly endpoint: string;
  readonly bucket: string;
  readonly objects: Map<string, Buffer>;
  /** Requests refused for their signature. */
  readonly refused: () => number;
  /** The next so many requests are answered with 503, cut off, or answered as a web server would. */
  failNext(count: number, how: Failure): void;
  close(): Promise<void>;
}

type Failure = 'busy' | 'cut' | 'elsewhere';

const REGION = 'eu-test-1';
const PAGE = 7;

export async function startS3Server(credentials: S3Credentials): Promise<S3Server> {
  const bucket = 'mail-backups';
  const objects = new Map<string, Buffer>();
  const failures: Failure[] = [];
  let refused = 0;
  const server = createServer((request, response) => {
    void readAll(request).then((body) => {
      const failure = failures.shift();
      if (failure === 'cut') request.socket.destroy();
      else if (failure === 'elsewhere') answer(response, 200, '<html>Welcome</html>');
      else if (failure === 'busy') answer(response, 503, '<Error><Code>SlowDown</Code></Error>');
      else if (!isSigned(request, body, credentials)) {
        refused += 1;
        answer(response, 403, '<Error><Code>SignatureDoesNotMatch</Code></Error>');
      } else serve(request, response, body, bucket, objects);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${String(port)}`,
    bucket,
    objects,
    refused: () => refused,
    failNext: (count, how) => void failures.push(...Array.from({ length: count }, () => how)),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Signs what has come once more, and holds it against what the client says. */
function isSigned(request: IncomingMessage, body: Buffer, credentials: S3Credentials): boolean {
  const { authorization = '', 'x-amz-date': date = '', 'x-amz-content-sha256': hash } = request.headers;
  if (hash !== createHash('sha256').update(body).digest('hex')) return false;
  const names = /SignedHeaders=([^,]*)/.exec(authorization)?.[1]?.split(';') ?? [];
  if (!names.includes('host') || !names.includes('x-amz-content-sha256')) return false;
  const own = names.filter((name) => name !== 'host' && !name.startsWith('x-amz-'));
  const headers = Object.fromEntries(own.map((name) => [name, String(request.headers[name])]));
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(date)) ?? [];
  const now = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const url = new URL(request.url ?? '/', `http://${request.headers.host ?? ''}`);
  const signed = signRequest({ method: request.method ?? '', url, headers, body }, credentials, REGION, now);
  return signed['authorization'] === authorization;
}

function serve(
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  bucket: string,
  objects: Map<string, Buffer>,
): void {
  const url = new URL(request.url ?? '/', 'http://host');
  const [, first = '', ...rest] = url.pathname.split('/');
  const key = decodeURIComponent(rest.join('/'));
  if (first !== bucket) answer(response, 404, '<Error><Code>NoSuchBucket</Code></Error>');
  else if (key === '') answer(response, 200, listing(url.searchParams, objects));
  else if (request.method === 'PUT') {
    const isTaken = request.headers['if-none-match'] === '*' && objects.has(key);
    if (!isTaken) objects.set(key, body);
    answer(response, isTaken ? 412 : 200, '');
  } else if (request.method === 'DELETE') {
    objects.delete(key);
    answer(response, 204, '');
  } else {
    const found = objects.get(key);
    if (found === undefined) answer(response, 404, '<Error><Code>NoSuchKey</Code></Error>');
    else response.writeHead(200, { 'content-length': found.length }).end(request.method === 'HEAD' ? undefined : found);
  }
}

/** A few objects at a time, so that who asks has to go on. */
function listing(query: URLSearchParams, objects: ReadonlyMap<string, Buffer>): string {
  const prefix = query.get('prefix') ?? '';
  const after = query.get('continuation-token') ?? '';
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  const page = keys.slice(0, PAGE);
  const contents = page.map(
    (key) =>
      `<Contents><Key>${encodeURIComponent(key)}</Key><Size>${String(objects.get(key)?.length)}</Size></Contents>`,
  );
  const isTruncated = keys.length > PAGE;
  const token = isTruncated ? `<NextContinuationToken>${page.at(-1) ?? ''}</NextContinuationToken>` : '';
  return `<ListBucketResult><IsTruncated>${String(isTruncated)}</IsTruncated>${token}${contents.join('')}</ListBucketResult>`;
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-length': Buffer.byteLength(text) }).end(text);
}
