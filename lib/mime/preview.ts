const MAX_CHARACTERS = 128;
/** Text looked at, so that a preview of a large body costs nothing. */
const MAX_READ = 16 * 1024;
/** Mostly this much is enough, where what is no text is not the most of it. */
const FIRST_READ = 1024;

/**
 * The first words of a text on one line: at most 128 characters (code points), cut at a space where there is one, and
 * then an ellipsis where something was cut.
 */
export function preview(text: string): string {
  const first = onOneLine(text.slice(0, FIRST_READ));
  const line = first.length > 2 * MAX_CHARACTERS + 4 ? first : onOneLine(text.slice(0, MAX_READ));
  const characters = Array.from(line.slice(0, 2 * MAX_CHARACTERS + 4));
  if (characters.length <= MAX_CHARACTERS && text.length <= MAX_READ) return line;
  const kept = characters.slice(0, MAX_CHARACTERS).join('');
  const isAtSpace = characters[MAX_CHARACTERS] === ' ';
  const space = kept.lastIndexOf(' ');
  return `${isAtSpace || space <= 0 ? kept.trimEnd() : kept.slice(0, space)}…`;
}

function onOneLine(text: string): string {
  return text.replace(/[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/g, ' ').trim();
}
