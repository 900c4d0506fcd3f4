import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianTool } from './debian-packages.ts';
import { freePort, waitForPort } from './ports.ts';

/** Debian's redis-server on a loopback port of its own, without a file on the disk. */
export interface RedisServer {
  readonly port: number;
  readonly uri: string;
  readonly pid: number;
  /** Kills it at once. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>;
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

/** Why tests of Redis are skipped, false where it runs here. */
export async function withoutRedis(): Promise<string | false> {
  return (await debianTool('redis-server')) === undefined ? 'redis-server (Debian) cannot be had here' : false;
}

/** @param args settings as redis-server takes them, e.g. `--rename-command SPUBLISH ''` */
export async function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  const tool = await debianTool('redis-server');
  if (tool === undefined) throw new Error('there is no redis-server');
  const folder = await mkdtemp(join(tmpdir(), 'eider-redis-'));
  const port = await freePort();
  const start = async (): Promise<ChildProcess> => {
    const child = spawn(
      tool.command,
      ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder, ...args],
      { stdio: 'ignore', env: { ...process.env, ...tool.env } },
    );
    await waitForPort(port, child);
    return child;
  };
  let child = await start();
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  return {
    port,
    uri: `redis://127.0.0.1:${String(port)}`,
    get pid() {
      return child.pid ?? 0;
    },
    kill,
    restart: async () => {
      await kill();
      child = await start();
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    close: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
