const MAX_CHARACTERS = 128;
/** Runs of letters, digits and hyphens joined by one of `. _ = :`, and the same once more after an `@`. */
const USERNAME = /^[a-z0-9-]+(?:[._=:][a-z0-9-]+)*(?:@[a-z0-9-]+(?:[._=:][a-z0-9-]+)*)?$/;

/** The user name as it is stored, lower case; undefined where it cannot be one. */
export function normaliseUsername(text: string): string | undefined {
  if (text.length > MAX_CHARACTERS) return undefined;
  const username = text.toLowerCase();
  return USERNAME.test(username) ? username : undefined;
}

/** What makes a user name unique: dots before the `@` do not count. */
export function usernameKey(text: string): string | undefined {
  const username = normaliseUsername(text);
  if (username === undefined) return undefined;
  const at = username.indexOf('@');
  return at === -1 ? username.replaceAll('.', '') : username.slice(0, at).replaceAll('.', '') + username.slice(at);
}
