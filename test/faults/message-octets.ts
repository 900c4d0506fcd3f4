import type { TrackedMessage } from './ledger.ts';

/** True where these are the message's octets, after trace fields where it was delivered. */
export function holds({ octets, isDelivered }: TrackedMessage, read: Buffer): boolean {
  if (!isDelivered) return read.equals(octets);
  const prefix = read.length - octets.length;
  return prefix > 0 && read.subarray(prefix).equals(octets) && /^Return-Path: /.test(read.toString('latin1', 0, 20));
}

/** A message whose subject is its id, with text of so many octets and maybe an attachment. */
export function messageOctets(id: string, size: number, attachment?: Buffer): Buffer {
  const head = `From: sender@example.org\r\nTo: you@example.com\r\nSubject: ${id}.\r\nMessage-ID: <${id}@faults.example>\r\n`;
  const text = `Line of ${id}.\r\n`.repeat(1 + Math.ceil(size / 20));
  if (attachment === undefined) return Buffer.from(`${head}\r\n${text}`);
  const encoded = attachment.toString('base64').replace(/.{76}/g, '$&\r\n');
  return Buffer.from(
    `${head}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="edge"\r\n\r\n--edge\r\nContent-Type: text/plain\r\n\r\n${text}` +
      '--edge\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n' +
      `Content-Disposition: attachment; filename="data.bin"\r\n\r\n${encoded}\r\n--edge--\r\n`,
  );
}
