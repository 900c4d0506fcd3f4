import { rename, writeFile } from 'node:fs/promises';
import type { ListenAddress } from './listen-address.ts';

/** What whoever started the server may want to know, once everything listens. Absent: not served. */
export interface ReadyReport {
  readonly pid: number;
  readonly imap?: ListenAddress;
  readonly imaps?: ListenAddress;
  readonly pop3?: ListenAddress;
  readonly pop3s?: ListenAddress;
  readonly lmtp?: ListenAddress;
  readonly health?: ListenAddress;
  readonly api?: { readonly url: string };
  /** Good for this run. */
  readonly adminToken: string;
}

/** Renamed into place, so that seeing the file is seeing all of it; only its owner may read the token. */
export async function writeReadyFile(file: string, report: ReadyReport): Promise<void> {
  const temporary = `${file}.${String(process.pid)}`;
  await writeFile(temporary, `${JSON.stringify(report)}\n`, { mode: 0o600 });
  await rename(temporary, file);
}
