/** Human-readable text of a response: whatever could end the line or is not ASCII becomes `?`. */
export function responseText(text: string): string {
  const plain = text.replace(/[^\u0020-\u007e]/g, '?').slice(0, 400);
  // resp-text that begins with a bracket would be read as a response code.
  return plain === '' ? 'Done' : plain.replace(/^\[/, '(');
}

/**
 * A string of ASCII or of octets in latin1: quoted where that can hold it, else as a literal.
 */
export function stringText(text: string): string {
  if (/^[\u0020-\u007e]{0,1000}$/.test(text)) return `"${text.replace(/["\\]/g, '\\$&')}"`;
  return `{${text.length}}\r\n${text}`;
}
