import { stringText } from './text.ts';

/** A string, or NIL where there is none (RFC 3501 section 9). */
export function nstringText(text: string | undefined): string {
  return text === undefined ? 'NIL' : stringText(text);
}
