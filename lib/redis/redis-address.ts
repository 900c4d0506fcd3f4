export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

/** How a Redis is reached. */
export interface RedisAddress {
  readonly kind: 'standalone' | 'sentinel' | 'cluster';
  /** The server itself, the sentinels, or some nodes of the cluster; at least one. */
  readonly hosts: readonly [RedisHost, ...RedisHost[]];
  /** The name that sentinels know the primary by; only for them. */
  readonly primary: string | undefined;
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Number of the database; always 0 in a cluster. */
  readonly database: number;
}

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;
const PATTERN = /^(rediss?)(\+sentinel|\+cluster)?:\/\/(?:([^@/]*)@)?([^@/]+)(?:\/([^/?#]*))?$/;
const HOST = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([^\s:[\]]{1,255}))(?::(\d{1,5}))?$/;
const MAX_CHARACTERS = 4096;
const MAX_HOSTS = 64;

/**
 * Reads `redis://[user:password@]host[:port][/database]`, `redis+sentinel://…host,host,…/name-of-the-primary` or
 * `redis+cluster://…host,host,…`; `rediss` in place of `redis` for TLS. User name and password are percent-encoded.
 * @returns a sentence where it is none of these
 */
export function parseRedisAddress(text: string): RedisAddress | string {
  const match = text.length > MAX_CHARACTERS ? null : PATTERN.exec(text);
  if (match === null)
    return 'write it as redis://HOST:PORT, redis+sentinel://HOST,HOST/NAME or redis+cluster://HOST,HOST';
  const [, scheme, suffix, credentials, list = '', path = ''] = match;
  const kind = suffix === undefined ? 'standalone' : suffix === '+sentinel' ? 'sentinel' : 'cluster';
  const hosts = list.split(',').map((item) => parseHost(item, kind === 'sentinel' ? SENTINEL_PORT : REDIS_PORT));
  const [first, ...rest] = hosts.filter((host) => host !== undefined);
  if (first === undefined || hosts.includes(undefined)) return 'a host in it is none: write HOST:PORT or [IPV6]:PORT';
  if (hosts.length > MAX_HOSTS) return 'it names too many hosts';
  if (kind === 'standalone' && rest.length > 0) return 'several hosts want redis+sentinel or redis+cluster';
  if (kind === 'sentinel' && path === '') return 'sentinels want the name of the primary behind a slash';
  if (kind === 'cluster' && path !== '') return 'a cluster has no databases: nothing may follow the hosts';
  if (kind === 'standalone' && !/^\d{0,5}$/.test(path)) return 'the database behind the slash is a number';
  const [username, password] = parseCredentials(credentials);
  if (username === undefined && credentials !== undefined) return 'user name and password must be percent-encoded';
  return {
    kind,
    hosts: [first, ...rest],
    primary: kind === 'sentinel' ? path : undefined,
    isTls: scheme === 'rediss',
    username: username === '' ? undefined : username,
    password,
    database: kind === 'standalone' ? Number(path) : 0,
  };
}

function parseHost(text: string, defaultPort: number): RedisHost | undefined {
  const match = HOST.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  return host === undefined || port === 0 || port > 65_535 ? undefined : { host, port };
}

/** A lone word before the @ is the user name; the old way without users is `:password@`. */
function parseCredentials(text: string | undefined): readonly [string?, string?] {
  if (text === undefined) return [];
  const at = text.indexOf(':');
  try {
    if (at < 0) return [decodeURIComponent(text)];
    return [decodeURIComponent(text.slice(0, at)), decodeURIComponent(text.slice(at + 1))];
  } catch {
    return [];
  }
}
