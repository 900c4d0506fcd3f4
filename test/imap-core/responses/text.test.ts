import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { responseText, stringText } from '../../../imap-core/responses/text.ts';

describe('text of a response', () => {
  for (const [text, expected] of [
    ['Done', 'Done'],
    ['', 'Done'],
    ['[ALERT] all is lost', '(ALERT] all is lost'],
    ['one\r\n* BYE two', 'one??* BYE two'],
    ['a\0b\tc\u001b[31m\u007f', 'a?b?c?[31m?'],
    ['é \u202e\u2028 🦆', '? ?? ??'],
    ['x'.repeat(401), 'x'.repeat(400)],
  ] as const)
    it(`of ${JSON.stringify(text.slice(0, 30))} ends no line and is no code`, () =>
      assert.equal(responseText(text), expected));
});

describe('a string', () => {
  for (const [text, expected] of [
    ['', '""'],
    ['a "b" \\c', '"a \\"b\\" \\\\c"'],
    ['a\r\nb', '{4}\r\na\r\nb'],
    ['\u00e9', '{1}\r\n\u00e9'],
    ['x'.repeat(1000), `"${'x'.repeat(1000)}"`],
    ['x'.repeat(1001), `{1001}\r\n${'x'.repeat(1001)}`],
  ] as const)
    it(`of ${JSON.stringify(text.slice(0, 30))} is quoted where that can hold it`, () =>
      assert.equal(stringText(text), expected));
});
