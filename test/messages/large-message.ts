import { randomBytes } from 'node:crypto';

export type LargeKind = 'attachments' | 'header' | 'odd-base64' | 'base64';

const BLOCK = 48 * 1024;

/** A message of about that many octets, made as it is read. */
export async function* largeMessage(kind: LargeKind, octets: number): AsyncGenerator<Buffer> {
  yield Buffer.from(`From: a@example.com\r\nMessage-ID: <${randomBytes(8).toString('hex')}@example.com>\r\n`);
  switch (kind) {
    case 'header':
      yield Buffer.from('Subject: long\r\nX-Long: ');
      for (let sent = 0; sent < octets; sent += BLOCK) yield randomLines(BLOCK, 900, '\r\n ');
      yield Buffer.from('\r\n\r\nbody\r\n');
      return;
    case 'attachments':
      yield Buffer.from('Content-Type: multipart/mixed; boundary=b\r\n\r\n');
      for (let part = 0; part < 3; part += 1) {
        yield Buffer.from('--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n');
        for (let sent = 0; sent < octets / 3; sent += (BLOCK / 57) * 78) yield encodedLines(57 * 840);
      }
      yield Buffer.from('--b--\r\n');
      return;
    case 'base64':
    case 'odd-base64':
      yield Buffer.from('Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n');
      for (let sent = 0, line = 0; sent < octets; sent += BLOCK, line += 1) {
        yield kind === 'base64' ? encodedLines(57 * 640) : randomLines(BLOCK, 41 + (line % 37), '\r\n');
      }
      return;
  }
}

function encodedLines(octets: number): Buffer {
  const text = randomBytes(octets).toString('base64');
  return Buffer.from(`${text.match(/.{1,76}/g)?.join('\r\n') ?? ''}\r\n`);
}

function randomLines(octets: number, length: number, lineEnd: string): Buffer {
  const text = randomBytes(Math.ceil((octets * 3) / 4))
    .toString('base64')
    .slice(0, octets);
  return Buffer.from((text.match(new RegExp(`.{1,${length}}`, 'g')) ?? []).map((line) => line + lineEnd).join(''));
}
