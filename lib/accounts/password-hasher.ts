/** One-way hashing of passwords, handed in by the composition root; both ways run off the event loop. */
export interface PasswordHasher {
  /** @throws MailError `invalid-input` past the length that is hashed, `unavailable` where too many wait already */
  hash(password: string): Promise<string>;
  /** Against a stored hash, or against nothing, which takes as long and is false. */
  verify(stored: string | undefined, password: string): Promise<boolean>;
}
