import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { baseSubject } from '../../lib/mime/index.ts';
import { threadTime } from '../support/processor-time.ts';

const CASES: readonly (readonly [subject: string, base: string, isReplyOrForward: boolean])[] = [
  ['Hello', 'Hello', false],
  ['', '', false],
  ['Re: Hello', 'Hello', true],
  ['RE:Hello', 'Hello', true],
  ['re : Hello', 'Hello', true],
  ['Fw: Hello', 'Hello', true],
  ['Fwd: Re: fw: Hello', 'Hello', true],
  ['Re[2]: Hello', 'Hello', true],
  ['Re [2] : Hello', 'Hello', true],
  ['[list] Hello', 'Hello', false],
  ['[list] Re: [list] Hello', 'Hello', true],
  ['Re: [list] Re: Hello (fwd)', 'Hello', true],
  ['Hello (fwd) (FWD)', 'Hello', true],
  ['[Fwd: Hello]', 'Hello', true],
  ['[Fwd: [Fwd: Re: Hello]]', 'Hello', true],
  ['[list]', '[list]', false],
  ['[a] [b]', '[b]', false],
  ['Re:', '', true],
  ['Regarding: Hello', 'Regarding: Hello', false],
  ['Reply to all', 'Reply to all', false],
  ['  two   blanks\tand tab ', 'two blanks and tab', false],
  ['=?utf-8?Q?Re:_Gr=C3=BC=C3=9Fe?=', 'Grüße', true],
  ['[unclosed Re: x', '[unclosed Re: x', false],
];

describe('base subject', () => {
  for (const [subject, text, isReplyOrForward] of CASES) {
    it(JSON.stringify(subject), () => assert.deepEqual(baseSubject(subject), { text, isReplyOrForward }));
  }

  it('takes linear time', () => {
    for (const piece of ['Re: ', '[a] ', '[Fwd: ', '(fwd)', '[', 'Re [', 're[a] ', '[a]re[b]:']) {
      const start = threadTime();
      baseSubject(piece.repeat(50_000));
      baseSubject(piece.repeat(50_000) + ']'.repeat(50_000));
      assert.ok(threadTime() - start < 1000, piece);
    }
  });
});
