import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../setup/node-flags.mjs';
import { ApiClient } from './api-client.ts';
import { ChildLog } from './child-log.ts';
import { debianTool } from './debian-packages.ts';
import { databaseVariables } from './given-database.ts';
import { freePort, waitForPort } from './ports.ts';
import { startRedis, type RedisServer } from './redis-server.ts';
import { makeDataDir } from './server-process.ts';

const MAIN = fileURLToPath(new URL('../../workers/main.ts', import.meta.url));

type Role = 'imap' | 'pop3' | 'lmtp' | 'api' | 'worker';

/** One `eider start --roles …` on ports of its own, which it keeps through restarts. */
export interface FarmNode {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly pid: number;
  /** SIGKILL to this process alone. */
  kill(): Promise<void>;
  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null>;
  /** After one of these, until it listens. */
  start(): Promise<void>;
  log(): string;
}

interface At {
  readonly host: string;
  readonly port: number;
}

/** Many processes on one store behind HAProxy, which speaks the PROXY protocol to them; one Redis. */
export interface Farm {
  readonly dataDir: string;
  readonly nodes: readonly FarmNode[];
  readonly redis: RedisServer;
  readonly imap: At;
  readonly lmtp: At;
  readonly pop3: At;
  readonly api: string;
  readonly root: ApiClient;
  close(): Promise<void>;
}

export interface FarmOptions {
  /** Roles of each process. */
  readonly nodes: readonly (readonly Role[])[];
  /** In place of the embedded engine; each process has a data directory of its own then. */
  readonly database?: { readonly uri: string; readonly name: string };
}

/** Why tests with a farm are skipped, false where it can be set up. */
export async function withoutFarm(): Promise<string | false> {
  for (const name of ['redis-server', 'haproxy'] as const) {
    if ((await debianTool(name)) === undefined) return `${name} (Debian) cannot be had here`;
  }
  return false;
}

const PORTS = ['imap', 'pop3', 'lmtp', 'api', 'health'] as const;
type Ports = Readonly<Record<(typeof PORTS)[number], number>>;

export async function startFarm(options: FarmOptions): Promise<Farm> {
  const data = await makeDataDir();
  const work = await mkdtemp(join(tmpdir(), 'eider-farm-'));
  const redis = await startRedis();
  const nodes: Node[] = [];
  const close: (() => Promise<void>)[] = [];
  try {
    for (const [index, roles] of options.nodes.entries()) {
      const name = `${roles.join('+')}-${String(index + 1)}`;
      const dataDir = options.database === undefined ? data.path : join(work, name);
      await mkdir(dataDir, { recursive: true, mode: 0o700 });
      const node = new Node(name, roles, await freePorts(), { dataDir, work, redis, database: options.database });
      nodes.push(node);
    }
    // The first makes what all have in common; the others need not wait for each other.
    const [first, ...others] = nodes;
    await first?.start();
    // The lasting one, which counts on every node; those in the ready files count on theirs alone.
    const token = (await first?.said(/^ {2}([0-9a-f]{64})$/m))?.[1];
    await Promise.all(others.map((node) => node.start()));
    const front: Ports = await freePorts();
    const proxy = await startHaproxy(work, front, nodes);
    close.push(proxy);
    const at = (port: number): At => ({ host: '127.0.0.1', port });
    const api = `http://127.0.0.1:${String(front.api)}`;
    return {
      ...{ dataDir: data.path, nodes, redis, api, root: new ApiClient(api, token ?? '') },
      ...{ imap: at(front.imap), lmtp: at(front.lmtp), pop3: at(front.pop3) },
      close: async () => {
        for (const end of close) await end();
        await Promise.all(nodes.map((node) => node.kill()));
        await redis.close();
        await rm(work, { recursive: true, force: true, maxRetries: 5 });
        await data.remove();
      },
    };
  } catch (error) {
    for (const end of close) await end();
    await Promise.all(nodes.map((node) => node.kill()));
    await redis.close();
    await data.remove();
    throw error;
  }
}

async function freePorts(): Promise<Ports> {
  const entries: [string, number][] = [];
  for (const name of PORTS) entries.push([name, await freePort()]);
  return Object.fromEntries(entries) as Ports;
}

class Node implements FarmNode {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly ports: Ports;
  readonly #farm: { readonly dataDir: string; readonly work: string } & Pick<Farm, 'redis'> &
    Pick<Required<{ database: FarmOptions['database'] }>, 'database'>;
  #child: ChildProcess | undefined;
  #exited: Promise<[number | null]> = Promise.resolve([null]);
  #log: ChildLog | undefined;

  constructor(
    name: string,
    roles: readonly Role[],
    ports: Ports,
    farm: { dataDir: string; work: string; redis: RedisServer; database: FarmOptions['database'] },
  ) {
    this.name = name;
    this.roles = roles;
    this.ports = ports;
    this.#farm = farm;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  log(): string {
    return this.#log?.text ?? '';
  }

  /** Resolves when it has said this since it was started last. */
  async said(pattern: RegExp): Promise<RegExpExecArray | undefined> {
    return this.#log?.said(pattern);
  }

  get #readyFile(): string {
    return join(this.#farm.work, `${this.name}.json`);
  }

  async start(): Promise<void> {
    const { dataDir, redis, database } = this.#farm;
    const local = (name: (typeof PORTS)[number]): string => `127.0.0.1:${String(this.ports[name])}`;
    const settings: Readonly<Record<string, string>> = {
      'listen.imap': local('imap'),
      'listen.imaps': '',
      'listen.pop3': local('pop3'),
      'listen.pop3s': '',
      'listen.lmtp': local('lmtp'),
      'listen.health': local('health'),
      'api.port': String(this.ports.api),
      'redis.uri': redis.uri,
      'proxy.trusted-networks': '127.0.0.0/8',
      'imap.max-unauthenticated-per-address': '1000',
      'pop3.max-unauthenticated-per-address': '1000',
      ...(database !== undefined && { 'database.uri': database.uri, 'database.name': database.name }),
    };
    await rm(this.#readyFile, { force: true });
    const child = spawn(
      process.execPath,
      [
        ...[...NODE_FLAGS, MAIN, 'start', '--data-dir', dataDir, '--roles', this.roles.join(',')],
        ...['--ready-file', this.#readyFile],
        ...Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...NODE_ENVIRONMENT, ...process.env, ...(database === undefined ? databaseVariables(dataDir) : {}) },
      },
    );
    this.#log = new ChildLog(child);
    this.#child = child;
    // Not `exit`, after which the last of its log may still arrive.
    this.#exited = once(child, 'close') as Promise<[number | null]>;
    try {
      await waitForPort(this.ports.health, child);
      await this.#ready();
    } catch (error) {
      throw new Error(`${this.name} did not start:\n${this.log()}`, { cause: error });
    }
  }

  async kill(): Promise<void> {
    if (!this.#isRunning) return;
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  async stop(): Promise<number | null> {
    if (this.#isRunning) this.#child?.kill('SIGTERM');
    return (await this.#exited)[0];
  }

  get #isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The file is renamed into place once everything listens. */
  async #ready(): Promise<void> {
    while (!existsSync(this.#readyFile)) {
      if (!this.#isRunning) throw new Error('it ended');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** As docs/many-nodes.md has it, with quicker looks at who is alive. */
async function startHaproxy(work: string, front: Ports, nodes: readonly Node[]): Promise<() => Promise<void>> {
  const tool = await debianTool('haproxy');
  if (tool === undefined) throw new Error('there is no haproxy');
  const services = PORTS.filter((name) => name !== 'health').flatMap((name) => {
    const behind = nodes.filter(({ roles }) => roles.includes(name));
    if (behind.length === 0) return [];
    const servers = behind.map(
      ({ ports }, n) =>
        `  server ${name}${String(n + 1)} 127.0.0.1:${String(ports[name])} check port ${String(ports.health)}`,
    );
    return [
      `listen ${name}`,
      `  bind 127.0.0.1:${String(front[name])}`,
      '  balance leastconn',
      '  option httpchk GET /health',
      '  default-server inter 300ms fall 2 rise 1 send-proxy-v2',
      ...servers,
    ];
  });
  const config = [
    ...['global', '  maxconn 4000'],
    ...['defaults', '  mode tcp', '  timeout connect 2s', '  timeout client 1h', '  timeout server 1h'],
    ...['  timeout check 2s', '  retries 3', '  option redispatch 1'],
    ...services,
    '',
  ];
  const file = join(work, 'haproxy.cfg');
  await writeFile(file, config.join('\n'));
  const child = spawn(tool.command, ['-q', '-db', '-f', file], {
    stdio: 'ignore',
    env: { ...process.env, ...tool.env },
  });
  const first = PORTS.find((name) => name !== 'health' && nodes.some(({ roles }) => roles.includes(name)));
  await waitForPort(front[first ?? 'imap'], child);
  return async () => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
}
