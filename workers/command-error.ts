/** A failure of a command that its user can understand: printed as a sentence, without a stack trace. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
