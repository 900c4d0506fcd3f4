import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** Below what systems give to outgoing connections, so that a program that is started again finds its port free. */
const LOWEST_PORT = 12_000;
const HIGHEST_PORT = 32_000;
/** Given out by this process, and perhaps not listened on yet. */
const given = new Set<number>();

/** A loopback port that was free a moment ago; for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT);
    if (given.has(port)) continue;
    given.add(port);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** Resolves when something takes connections there. */
export async function waitForPort(port: number, child?: ChildProcess): Promise<void> {
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (isOpen) return;
    if (child !== undefined && (child.exitCode !== null || child.signalCode !== null))
      throw new Error('the program ended before it listened');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
