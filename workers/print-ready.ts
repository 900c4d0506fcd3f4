import { formatListenAddress, type ListenAddress } from './listen-address.ts';
import type { ReadyReport } from './ready-file.ts';

/** For whoever started the server by hand: where everything listens, and what is shown only once. */
export function printReady(
  report: ReadyReport,
  { dataDir, shownOnce }: { readonly dataDir: string; readonly shownOnce: string | undefined },
): void {
  const row = (name: string, address: ListenAddress | undefined): string =>
    address === undefined ? '' : `  ${name.padEnd(6)} ${formatListenAddress(address)}\n`;
  process.stdout.write(
    `Eider is ready. Data: ${dataDir}\n` +
      row('IMAP', report.imap) +
      row('IMAPS', report.imaps) +
      row('POP3', report.pop3) +
      row('POP3S', report.pop3s) +
      row('LMTP', report.lmtp) +
      (report.api === undefined ? '' : `  API    ${report.api.url}\n`),
  );
  if (shownOnce !== undefined) {
    process.stdout.write(`Admin token of the API (kept only as a hash and not shown again):\n  ${shownOnce}\n`);
  }
}
