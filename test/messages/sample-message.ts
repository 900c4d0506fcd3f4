const CRLF = '\r\n';

export interface SampleOptions {
  readonly attachment: Buffer;
  readonly subject?: string;
  readonly lineLength?: number;
  readonly lineEnd?: string;
}

/** A text and a base64 attachment. */
export function sampleMessage(options: SampleOptions): Buffer {
  const { attachment, subject = 'sample', lineLength = 76, lineEnd = CRLF } = options;
  const lines = attachment.toString('base64').match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? [];
  return Buffer.from(
    [
      'From: Ann <ann@example.com>',
      'To: bob@example.com',
      `Subject: ${subject}`,
      `Message-ID: <${subject}@example.com>`,
      'Date: Thu, 1 Jan 2026 12:00:00 +0200',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary="b1"',
      '',
      '--b1',
      'Content-Type: text/plain; charset=utf-8',
      '',
      'Hello, this is the text.',
      '--b1',
      'Content-Type: image/png; name="picture.png"',
      'Content-Disposition: attachment; filename="picture.png"',
      'Content-Transfer-Encoding: base64',
      '',
      lines.join(lineEnd),
      '--b1--',
      '',
    ].join(CRLF),
    'latin1',
  );
}
