import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, chown, constants, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, waitForPort } from './ports.ts';

const PROGRAM = '/usr/sbin/dovecot';

/** A Dovecot of our own on loopback, to be measured beside Eider. */
export interface Dovecot {
  readonly pid: number;
  readonly lmtp: { readonly host: string; readonly port: number };
  readonly version: string;
  /** Where its mail lies. */
  readonly mailDir: string;
  stop(): Promise<void>;
}

/**
 * Starts Debian's Dovecot with a configuration of its own: LMTP with kept connections, single-dbox, fsync on. Every
 * address is a user. Only root may, for it changes users. @returns undefined where it cannot be had here
 */
export async function startDovecot(): Promise<Dovecot | undefined> {
  if (process.getuid?.() !== 0 || !(await isExecutable(PROGRAM))) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'eider-dovecot-'));
  await chmod(folder, 0o755);
  const mailDir = join(folder, 'mail');
  await mkdir(mailDir);
  // Debian's user and group `mail`, which has no mail of ours to lose.
  await chown(mailDir, 8, 8);
  const port = await freePort();
  const file = join(folder, 'dovecot.conf');
  await writeFile(file, configuration(folder, port));
  const child = spawn(PROGRAM, ['-F', '-c', file], { stdio: ['ignore', 'ignore', 'ignore'] });
  const ended = once(child, 'exit');
  await waitForPort(port, child);
  return {
    pid: child.pid ?? 0,
    lmtp: { host: '127.0.0.1', port },
    version: await versionOf(),
    mailDir,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const configuration = (folder: string, port: number): string => `
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
protocols = lmtp
listen = 127.0.0.1
ssl = no
mail_location = sdbox:${folder}/mail/%u
mail_fsync = always
mail_uid = 8
mail_gid = 8
first_valid_uid = 8
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=8 gid=8 home=${folder}/mail/%u
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${String(port)}
  }
  unix_listener lmtp {
    mode = 0
  }
  # Kept connections are served by a process each, which are there before the first connection.
  process_min_avail = 16
}
namespace inbox {
  inbox = yes
}
`;

async function versionOf(): Promise<string> {
  const child = spawn(PROGRAM, ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(child, 'close');
  return text.trim();
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
