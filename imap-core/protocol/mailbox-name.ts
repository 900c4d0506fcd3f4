/** A mailbox name that is no valid modified UTF-7 or holds what no name may hold. */
export class MailboxNameError extends Error {
  override readonly name = 'MailboxNameError';
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,';
const VALUE_OF = new Map(Array.from(BASE64, (character, value) => [character, value]));

function isPrintable(code: number): boolean {
  return code >= 0x20 && code <= 0x7e;
}

function encodeRun(run: string): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (let i = 0; i < run.length; i += 1) {
    bits = (bits << 16) | run.charCodeAt(i);
    held += 16;
    while (held >= 6) {
      held -= 6;
      text += BASE64[(bits >>> held) & 63] ?? '';
    }
    bits &= (1 << held) - 1;
  }
  if (held > 0) text += BASE64[(bits << (6 - held)) & 63] ?? '';
  return `&${text}-`;
}

/** A path in Unicode as modified UTF-7 (RFC 3501 section 5.1.3). */
export function encodeMailboxName(path: string): string {
  let text = '';
  let run = '';
  const closeRun = (): void => {
    if (run !== '') text += encodeRun(run);
    run = '';
  };
  for (let i = 0; i < path.length; i += 1) {
    const code = path.charCodeAt(i);
    if (isPrintable(code)) {
      closeRun();
      text += code === 0x26 ? '&-' : path.charAt(i);
    } else {
      run += path.charAt(i);
    }
  }
  closeRun();
  return text;
}

function decodeRun(run: string): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const character of run) {
    const value = VALUE_OF.get(character);
    if (value === undefined) throw new MailboxNameError('Mailbox name is not modified UTF-7');
    bits = (bits << 6) | value;
    held += 6;
    if (held >= 16) {
      held -= 16;
      const unit = (bits >>> held) & 0xffff;
      if (isPrintable(unit)) throw new MailboxNameError('Mailbox name encodes what stands for itself');
      text += String.fromCharCode(unit);
      bits &= (1 << held) - 1;
    }
  }
  if (held >= 6 || bits !== 0) throw new MailboxNameError('Mailbox name is not modified UTF-7');
  return text;
}

/**
 * Modified UTF-7 as a path in Unicode.
 * @throws MailboxNameError for 8-bit octets, wrong base64, encoded printable ASCII, lone surrogates, controls
 */
export function decodeMailboxName(encoded: string): string {
  let path = '';
  let position = 0;
  while (position < encoded.length) {
    const code = encoded.charCodeAt(position);
    if (!isPrintable(code)) throw new MailboxNameError('Mailbox name holds octets that must be encoded');
    if (code !== 0x26) {
      path += encoded.charAt(position);
      position += 1;
      continue;
    }
    const end = encoded.indexOf('-', position);
    if (end < 0) throw new MailboxNameError('Mailbox name is not modified UTF-7');
    path += end === position + 1 ? '&' : decodeRun(encoded.slice(position + 1, end));
    position = end + 1;
  }
  if (!path.isWellFormed()) throw new MailboxNameError('Mailbox name is not well-formed Unicode');
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(path)) {
    throw new MailboxNameError('Mailbox name holds control characters');
  }
  return path;
}

/** INBOX in any case is one name (RFC 3501 section 5.1); other names are left alone. */
export function canonicalPath(path: string): string {
  if (path.length === 5 && path.toUpperCase() === 'INBOX') return 'INBOX';
  if (path.length > 5 && path.charAt(5) === '/' && path.slice(0, 5).toUpperCase() === 'INBOX') {
    return `INBOX${path.slice(5)}`;
  }
  return path;
}
