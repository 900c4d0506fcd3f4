/**
 * Messages that mean to exhaust whoever reads them, one class each, of any size. `n` is a count of whatever the class
 * repeats; octets grow in proportion to it.
 */
export const HOSTILE: ReadonlyMap<string, (n: number) => Buffer> = new Map([
  ['empty-parts', (n) => multipart('b', '--b\r\n'.repeat(n))],
  ['empty-parts-with-headers', (n) => multipart('b', '--b\r\nContent-Type: text/plain\r\n\r\n'.repeat(n))],
  ['nested-multiparts', (n) => latin1(Array.from({ length: n }, (_, depth) => nested(`b${depth}-`)).join(''))],
  ['nested-same-boundary', (n) => latin1(nested('b').repeat(n))],
  ['nested-messages', (n) => latin1('Content-Type: message/rfc822\r\n\r\n'.repeat(n))],
  ['nested-digests', (n) => latin1(Array.from({ length: n }, (_, depth) => nested(`b${depth}-`, 'digest')).join(''))],
  ['boundaries-that-prefix', (n) => prefixes(n)],
  ['delimiter-look-alikes', (n) => multipart('b'.repeat(150), `--${'b'.repeat(149)}\r\n`.repeat(n))],
  ['dashes', (n) => multipart('b', '--\r\n'.repeat(n))],
  ['long-delimiter-line', (n) => multipart('b', `--${'x'.repeat(n)}`)],
  ['bare-cr', (n) => multipart('b', '\r'.repeat(n))],
  ['bare-cr-header', (n) => latin1(`Subject: ${'\r'.repeat(n)}\r\n\r\n`)],
  ['bare-lf', (n) => multipart('b', '\n'.repeat(n))],
  ['header-lines', (n) => latin1('A: b\r\n'.repeat(n))],
  ['header-without-colons', (n) => latin1('a\r\n'.repeat(n))],
  ['header-of-spaces', (n) => latin1(`Subject: a${' '.repeat(n)}b\r\n\r\n`)],
  ['continuation-lines', (n) => latin1(`Subject: a\r\n${' b\r\n'.repeat(n)}\r\n`)],
  ['empty-continuations', (n) => latin1(`To: a\r\n${' \r\n'.repeat(n)}\r\n`)],
  ['parameters', (n) => latin1(`Content-Type: text/plain${'; a=b'.repeat(n)}\r\n\r\n`)],
  ['parameter-segments', (n) => latin1(`Content-Type: text/plain${segments(n)}\r\n\r\n`)],
  ['parameter-junk', (n) => latin1(`Content-Type: text/plain; ${'="'.repeat(n)}\r\n\r\n`)],
  ['parameter-comments', (n) => latin1(`Content-Type: text/plain; ${'('.repeat(n)}\r\n\r\n`)],
  ['type-slashes', (n) => latin1(`Content-Type: ${'/ '.repeat(n)}\r\n\r\n`)],
  ['encoding-comments', (n) => latin1(`Content-Transfer-Encoding: ${'('.repeat(n)}\r\n\r\n`)],
  ['languages', (n) => latin1(`Content-Language: ${'a,'.repeat(n)}\r\n\r\n`)],
  ['addresses', (n) => latin1(`To: ${'a@b,'.repeat(n)}\r\n\r\n`)],
  ['address-words', (n) => latin1(`To: ${'a '.repeat(n)}<a@b>\r\n\r\n`)],
  ['address-comments', (n) => latin1(`To: ${'('.repeat(n)}${')'.repeat(n)} a@b\r\n\r\n`)],
  ['address-groups', (n) => latin1(`To: ${'g:'.repeat(n)}\r\n\r\n`)],
  ['address-empty-groups', (n) => latin1(`To: ${'g:;'.repeat(n)}\r\n\r\n`)],
  ['address-colons', (n) => latin1(`To: ${'a '.repeat(900)}@${' :'.repeat(n)}\r\n\r\n`)],
  ['address-angles', (n) => latin1(`To: ${'<'.repeat(n)}\r\n\r\n`)],
  ['address-routes', (n) => latin1(`To: <${'@a,'.repeat(n)}:a@b>\r\n\r\n`)],
  ['address-ats', (n) => latin1(`To: ${'@'.repeat(n)}\r\n\r\n`)],
  ['address-quotes', (n) => latin1(`To: "${'\\"'.repeat(n)}\r\n\r\n`)],
  ['address-encoded-words', (n) => latin1(`To: ${'=?a?Q?'.repeat(n)}\r\n\r\n`)],
  ['encoded-words', (n) => latin1(`Subject: ${'=?utf-8?Q?a?= '.repeat(n)}\r\n\r\n`)],
  ['encoded-word-starts', (n) => latin1(`Subject: ${'=?a?Q? '.repeat(n)}\r\n\r\n`)],
  ['encoded-word-question-marks', (n) => latin1(`Subject: =?${'?'.repeat(n)}\r\n\r\n`)],
  ['one-field', (n) => latin1(`Subject: ${'x'.repeat(n)}\r\n\r\n`)],
  ['date', (n) => latin1(`Date: ${'('.repeat(n)}${'1 '.repeat(n)}\r\n\r\n`)],
]);

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function nested(boundary: string, subtype = 'mixed'): string {
  return `Content-Type: multipart/${subtype}; boundary="${boundary}"\r\n\r\n--${boundary}\r\n`;
}

function multipart(boundary: string, body: string): Buffer {
  return latin1(`From: a@example.org\r\nContent-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n${body}`);
}

/** Forty multiparts, each boundary one octet longer than the one around it, and lines that begin like all of them. */
function prefixes(n: number): Buffer {
  const opening = Array.from({ length: 40 }, (_, depth) => nested('x'.repeat(depth + 1))).join('');
  return latin1(opening + `\r\n--${'y'.repeat(40)}\r\n`.repeat(n / 2) + `--${'x'.repeat(40)}\r\n`.repeat(n / 2));
}

function segments(n: number): string {
  return Array.from({ length: n }, (_, index) => `; a*${(n - index) % 1000}*=%20`).join('');
}
