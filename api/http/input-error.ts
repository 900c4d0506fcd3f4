import { MailError } from '../../lib/kernel/errors.ts';

/** A fault of the asker's in one field; the sentence follows the field's name in the answer. */
export function inputError(field: string, sentence: string): MailError {
  return new MailError('invalid-input', `${field} ${sentence}`, { details: new Map([[field, sentence]]) });
}
