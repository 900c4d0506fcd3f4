export interface PlainCredentials {
  readonly username: string;
  readonly password: string;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Base64 of `authorization id NUL authentication id NUL password` (RFC 4616). Acting for another user is not offered:
 * the authorization id must be empty or the same.
 * @returns undefined where the text is not that
 */
export function parsePlainResponse(text: string): PlainCredentials | undefined {
  if (text.length % 4 !== 0 || !/^[a-z0-9+/]*={0,2}$/i.test(text)) return undefined;
  let fields: readonly string[];
  try {
    fields = decoder.decode(Buffer.from(text, 'base64')).split('\0');
  } catch {
    return undefined;
  }
  const [authorizationId, username, password] = fields;
  if (fields.length !== 3 || username === undefined || password === undefined) return undefined;
  if (username === '' || password === '') return undefined;
  if (authorizationId !== '' && authorizationId !== username) return undefined;
  return { username, password };
}
