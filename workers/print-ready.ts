import { formatListenAddress, type ListenAddress } from './listen-address.ts';
import type { ReadyReport } from './ready-file.ts';

export interface ReadyDetails {
  readonly dataDir: string;
  /** The admin token, where it was made just now. */
  readonly shownOnce: string | undefined;
  /** Where there is no user yet: the flags with which commands find this server's data. */
  readonly firstUserFlags: readonly string[] | undefined;
}

/** For whoever started the server by hand: where everything listens, what is shown only once, and what to do first. */
export function printReady(report: ReadyReport, { dataDir, shownOnce, firstUserFlags }: ReadyDetails): void {
  const row = (name: string, address: ListenAddress | undefined): string =>
    address === undefined ? '' : `  ${name.padEnd(6)} ${formatListenAddress(address)}\n`;
  process.stdout.write(
    `Eider is ready. Data: ${dataDir}\n` +
      row('IMAP', report.imap) +
      row('IMAPS', report.imaps) +
      row('POP3', report.pop3) +
      row('POP3S', report.pop3s) +
      row('LMTP', report.lmtp) +
      row('health', report.health) +
      (report.api === undefined ? '' : `  API    ${report.api.url}\n`),
  );
  if (firstUserFlags !== undefined) {
    const flags = firstUserFlags.map(quoted).join(' ');
    process.stdout.write(
      'There is no user yet. Make the first one from another terminal:\n' +
        `  echo 'a good password' | npx eider user add alice --address alice@example.com --password-stdin ${flags}\n`,
    );
  }
  if (shownOnce !== undefined) {
    process.stdout.write(`Admin token of the API (kept only as a hash and not shown again):\n  ${shownOnce}\n`);
  }
}

/** One word for a shell. */
function quoted(word: string): string {
  return /^[\w./:=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
