import { once } from 'node:events';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfiguration } from '../../lib/config/index.ts';
import { attachEmbedded, type AttachedEngine } from '../../lib/embedded/index.ts';
import { enginePaths } from '../../lib/embedded/process/engine-paths.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { createLifecycle } from '../../lib/kernel/lifecycle.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { openStore, type Store } from '../../workers/compose.ts';
import { sections } from '../../workers/sections.ts';
import { ApiClient } from '../support/api-client.ts';
import { databaseOf, givenUri } from '../support/given-database.ts';
import { ImapClient } from '../support/imap-client.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { makeDataDir, startServer, type ServerProcess } from '../support/server-process.ts';
import { startRedis, type RedisServer } from '../support/redis-server.ts';
import { NetProxy } from './net-proxy.ts';

export const PASSWORD = 'correct horse battery';

export interface SiteOptions {
  readonly nodes: number;
  /** `section.key=value`, for every node. */
  readonly settings?: readonly string[];
  /**
   * `shared`: all nodes on one data directory, as processes of one machine. `proxied`: each node reaches the engine
   * through a network that can be broken, and has a data directory of its own: no hints pass between them.
   */
  readonly layout?: 'shared' | 'proxied';
  /** Hints between nodes go through a Redis; `absent`: it is not there when they start. */
  readonly redis?: 'running' | 'absent';
  /** A folder that whoever gives it removes; one of the site's own otherwise. */
  readonly dataDir?: string;
}

export interface NodeStart {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** One server process under supervision. */
export class SiteNode {
  readonly name: string;
  readonly server: ServerProcess;
  /** Between this node and its database, where the site is proxied. */
  readonly proxy: NetProxy | undefined;
  readonly #late: string[] = [];

  constructor(name: string, server: ServerProcess, proxy: NetProxy | undefined) {
    this.name = name;
    this.server = server;
    this.proxy = proxy;
    server.child.stderr?.on('data', (chunk: Buffer) => this.#late.push(chunk.toString('utf8')));
  }

  get pid(): number {
    return this.server.ready.pid;
  }

  get isAlive(): boolean {
    const { exitCode, signalCode } = this.server.child;
    return exitCode === null && signalCode === null;
  }

  /** All that it logged since it was ready, and the end of what it said before. */
  log(): string {
    return this.#late.join('');
  }

  /** SIGKILL to this process alone: an engine that it started goes on while others use it. */
  async kill(): Promise<void> {
    if (this.isAlive) {
      const exited = once(this.server.child, 'exit');
      this.server.child.kill('SIGKILL');
      await exited;
    }
  }

  /** Resolves when it has ended. @returns the signal that ended it, or its exit code */
  async ended(withinMs: number): Promise<NodeJS.Signals | number | null> {
    const { child } = this.server;
    if (this.isAlive) await Promise.race([once(child, 'exit'), sleep(withinMs, undefined, { ref: false })]);
    if (this.isAlive) throw new Error(`${this.name} still runs after ${String(withinMs)} ms`);
    return child.signalCode ?? child.exitCode;
  }

  freeze(): void {
    this.server.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.server.child.kill('SIGCONT');
  }

  /** Open descriptors, by /proc. */
  async descriptors(): Promise<number> {
    return (await readdir(`/proc/${String(this.pid)}/fd`)).length;
  }

  /** Resident octets, by /proc. */
  async memory(): Promise<number> {
    const status = await readFile(`/proc/${String(this.pid)}/status`, 'latin1');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  imap(username: string): Promise<ImapClient> {
    return ImapClient.login(this.server.ready.imap, username, PASSWORD);
  }

  lmtp(): Promise<LmtpClient> {
    return LmtpClient.connect(this.server.ready.lmtp);
  }

  api(): ApiClient {
    return new ApiClient(this.server.ready.api.url, this.server.ready.adminToken);
  }
}

/** Several nodes on one database: started, killed, frozen, started again, and looked into from beside. */
export class Site {
  readonly options: SiteOptions;
  readonly dataDir: string;
  /** In order of their start; dead ones stay, for their logs. */
  readonly all: SiteNode[] = [];
  readonly #remove: () => Promise<void>;
  #engine: AttachedEngine | undefined;
  #redis: RedisServer | undefined;
  /** Between the nodes and Redis, where there is one. */
  redisProxy: NetProxy | undefined;
  #started = 0;

  private constructor(options: SiteOptions, dataDir: string, remove: () => Promise<void>) {
    this.options = options;
    this.dataDir = dataDir;
    this.#remove = remove;
  }

  static async open(options: SiteOptions): Promise<Site> {
    const { path, remove } =
      options.dataDir === undefined ? await makeDataDir() : { path: options.dataDir, remove: async () => undefined };
    const site = new Site(options, path, remove);
    try {
      if (options.layout === 'proxied' && givenUri() === undefined)
        site.#engine = await attachEmbedded({ dataDir: site.#engineDir, logger: silentLogger });
      if (options.redis !== undefined) {
        site.#redis = await startRedis();
        site.redisProxy = await NetProxy.open({ host: '127.0.0.1', port: site.#redis.port });
        if (options.redis === 'absent') await site.#redis.kill();
      }
      // One makes what all share; the others come together.
      if (options.nodes > 0) await site.start();
      await Promise.all(Array.from({ length: Math.max(0, options.nodes - 1) }, () => site.start()));
      return site;
    } catch (error) {
      await site.close();
      throw error;
    }
  }

  get nodes(): SiteNode[] {
    return this.all.filter(({ isAlive }) => isAlive);
  }

  /** The n-th of those that live, counted round. */
  node(n: number): SiteNode {
    const { nodes } = this;
    const node = nodes[n % Math.max(1, nodes.length)];
    if (node === undefined) throw new Error('no node is alive');
    return node;
  }

  get #engineDir(): string {
    return this.options.layout === 'proxied' ? join(this.dataDir, 'engine') : this.dataDir;
  }

  /** Where the engine's processes can be found by. */
  get engineDir(): string {
    return this.#engineDir;
  }

  get redis(): RedisServer {
    if (this.#redis === undefined) throw new Error('the site has no Redis');
    return this.#redis;
  }

  async start(start: NodeStart = {}): Promise<SiteNode> {
    this.#started += 1;
    const name = `node${String(this.#started)}`;
    const isProxied = this.options.layout === 'proxied';
    const proxy = isProxied ? await NetProxy.open(proxyTarget(this.#engineDir)) : undefined;
    const dataDir = isProxied ? join(this.dataDir, name) : this.dataDir;
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const settings = [...(this.options.settings ?? [])];
    if (this.redisProxy !== undefined) settings.push(`redis.uri=redis://127.0.0.1:${String(this.redisProxy.port)}`);
    if (proxy !== undefined)
      settings.push(`database.uri=mongodb://127.0.0.1:${String(proxy.port)}/?directConnection=true`);
    if (isProxied && givenUri() !== undefined) settings.push(`database.name=${databaseOf(this.dataDir)}`);
    const server = await startServer(dataDir, {
      ...(start.env === undefined ? {} : { env: start.env }),
      args: [...settings.flatMap((setting) => ['--set', setting]), ...(start.args ?? [])],
    });
    const node = new SiteNode(name, server, proxy);
    this.all.push(node);
    return node;
  }

  /** Opens the rooms of this site in the test's own process, past every proxy. */
  async withStore<T>(look: (store: Store) => Promise<T>): Promise<T> {
    const lifecycle = createLifecycle(silentLogger, systemClock);
    const given = givenUri();
    const overrides =
      given === undefined
        ? []
        : [
            { name: 'database.uri', text: given, origin: 'test' },
            { name: 'database.name', text: databaseOf(this.dataDir), origin: 'test' },
          ];
    const configuration = loadConfiguration(sections, { overrides });
    const surroundings = {
      configuration,
      dataDir: this.#engineDir,
      logger: silentLogger,
      clock: systemClock,
      lifecycle,
    };
    try {
      return await look(await openStore(surroundings));
    } finally {
      await lifecycle.stop(5000);
    }
  }

  async createUser(username: string, fields: Readonly<Record<string, unknown>> = {}): Promise<string> {
    return this.node(0)
      .api()
      .createUser(username, PASSWORD, { address: `${username}@example.com`, ...fields });
  }

  /** Ends everything that still runs and removes all data. */
  async close(): Promise<void> {
    for (const node of this.all) node.thaw();
    await Promise.all(this.all.map((node) => node.server.killGroup()));
    for (const { proxy } of this.all) await proxy?.close();
    await this.redisProxy?.close();
    await this.#redis?.close();
    await this.#engine?.close();
    await this.#remove();
  }
}

function proxyTarget(engineDir: string): { path: string } | { host: string; port: number } {
  const given = givenUri();
  if (given === undefined) return { path: enginePaths(engineDir).socketPath };
  const { hostname, port } = new URL(given);
  return { host: hostname, port: Number(port) };
}
