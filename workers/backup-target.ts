import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  backupSection,
  createDirectoryTarget,
  createS3Target,
  parseBackupKey,
  type BackupKey,
  type BackupTarget,
} from '../lib/backup/index.ts';
import type { Configuration } from '../lib/config/index.ts';
import { systemClock } from '../lib/kernel/clock.ts';
import { CommandError } from './command-error.ts';

/** Flags of every command that reads or writes backups. */
export interface TargetOptions {
  readonly keyFile?: string;
  readonly plain?: true;
}

const OTHERS = 0o077;

/** A folder, or `s3://bucket/prefix` at the server of the configuration. */
export function targetOf(configuration: Configuration, text: string): BackupTarget {
  const bucket = /^s3:\/\/([^/]+)\/?(.*)$/.exec(text);
  if (bucket === null) return createDirectoryTarget(resolve(text));
  const settings = configuration.get(backupSection);
  const { s3Region: region, s3AccessKeyId: accessKeyId, s3SecretAccessKey: secretAccessKey } = settings;
  if (accessKeyId === '' || secretAccessKey === '')
    throw new CommandError('a bucket needs backup.s3-access-key-id and backup.s3-secret-access-key');
  const prefix = (bucket[2] ?? '').replace(/\/+$/, '');
  return createS3Target({
    endpoint: settings.s3Endpoint === '' ? `https://s3.${region}.amazonaws.com` : settings.s3Endpoint,
    region,
    bucket: bucket[1] ?? '',
    prefix: prefix === '' ? '' : `${prefix}/`,
    credentials: { accessKeyId, secretAccessKey, sessionToken: settings.s3SessionToken },
    clock: systemClock,
  });
}

/** Undefined only where `--plain` says so. @throws CommandError where there is none, or none to be trusted */
export async function keyOf(configuration: Configuration, options: TargetOptions): Promise<BackupKey | undefined> {
  if (options.plain === true) return undefined;
  const { key, keyFile } = configuration.get(backupSection);
  const path = options.keyFile ?? keyFile;
  if (path === '' && key === '') {
    throw new CommandError(
      'there is no key: make one with `eider backup new-key FILE` and name it with --key-file or backup.key-file; ' +
        'or say --plain, and whoever can read the backups can read the mail',
    );
  }
  const parsed = parseBackupKey(path === '' ? key : await readKeyFile(path));
  if (parsed === undefined)
    throw new CommandError(`${path === '' ? 'backup.key' : path} holds no key: 64 hexadecimal digits`);
  return parsed;
}

async function readKeyFile(path: string): Promise<string> {
  try {
    const { mode } = await stat(path);
    if ((mode & OTHERS) !== 0)
      throw new CommandError(`the key file ${path} can be read by others; close it with chmod 600 ${path}`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`the key file cannot be read: ${reason}`, { cause: error });
  }
}
