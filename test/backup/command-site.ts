import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { runEider, type CommandResult } from '../support/eider-command.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { makeDataDir, startServer, type ServerProcess } from '../support/server-process.ts';

/** A running server with one user and one message, a key, and a folder for backups. */
export interface CommandSite {
  readonly server: ServerProcess;
  readonly dataDir: string;
  /** For whatever else there is. */
  readonly folder: string;
  /** Target and key, as the commands take them. */
  readonly target: readonly [string, ...string[]];
  deliver(message: string): Promise<void>;
  close(): Promise<void>;
}

export async function openCommandSite(): Promise<CommandSite> {
  const data = await makeDataDir();
  const folder = await temporaryDirectory('commands');
  const key = join(folder, 'key');
  assert.equal((await runEider(['backup', 'new-key', key])).code, 0);
  const anna = ['user', 'add', 'anna', '--address', 'anna@example.com', '--password-stdin', '--data-dir', data.path];
  assert.equal((await runEider(anna, 'pw')).code, 0);
  const server = await startServer(data.path);
  const deliver = async (message: string): Promise<void> => {
    const client = await LmtpClient.connect(server.ready.lmtp);
    const [reply = ''] = await client.deliver(Buffer.from(message), ['anna@example.com']);
    assert.match(reply, /^250/);
    await client.quit();
  };
  await deliver('Subject: one\r\n\r\nfirst\r\n');
  return {
    server,
    dataDir: data.path,
    folder,
    target: [join(folder, 'backups'), '--key-file', key],
    deliver,
    close: async () => {
      await server.stop();
      await data.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The last line of standard output as JSON. */
export function report({ code, stdout, stderr }: CommandResult): Record<string, unknown> {
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
}
