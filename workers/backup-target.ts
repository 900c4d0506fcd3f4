import { resolve } from 'node:path';
import {
  backupSection,
  createDirectoryTarget,
  createS3Target,
  readBackupKey,
  type BackupKey,
  type BackupTarget,
} from '../lib/backup/index.ts';
import type { Configuration } from '../lib/config/index.ts';
import { systemClock } from '../lib/kernel/clock.ts';
import { CommandError } from './command-error.ts';
import { readKeySource } from './key-source.ts';

/** Flags of every command that reads or writes backups. */
export interface TargetOptions {
  readonly keyFile?: string;
  readonly plain?: true;
}

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
  const { key: text, keyFile } = configuration.get(backupSection);
  // The flag outweighs the settings, whichever of them is there.
  const source =
    options.keyFile === undefined
      ? { file: keyFile, text, fileName: 'backup.key-file', textName: 'backup.key' }
      : { file: options.keyFile, text: '', fileName: '--key-file', textName: '' };
  const key = await readKeySource(source, readBackupKey);
  if (key !== undefined) return key;
  throw new CommandError(
    'there is no key: make one with `eider backup new-key FILE` and name it with --key-file or backup.key-file; ' +
      'or say --plain, and whoever can read the backups can read the mail',
  );
}
