import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseEnvelopeCommand } from '../../../lib/frontends/lmtp/envelope-command.ts';
import { threadTime } from '../../support/processor-time.ts';

function mail(text: string): string | undefined {
  const parsed = parseEnvelopeCommand('MAIL FROM', Buffer.from(text, 'utf8'));
  if (parsed === undefined) return undefined;
  const parameters = [...parsed.parameters].map(([key, value]) => (value === true ? key : `${key}=${value}`));
  return [parsed.address, ...parameters, ...(parsed.duplicate === undefined ? [] : [`!${parsed.duplicate}`])].join(' ');
}

const ACCEPTED: readonly (readonly [line: string, parsed: string])[] = [
  ['MAIL FROM:<>', ''],
  ['mail from:<a@b.example>', 'a@b.example'],
  ['MAIL FROM: <a@b.example>', 'a@b.example'],
  ['MAIL FROM:<a@b.example> SIZE=100 BODY=8BITMIME', 'a@b.example SIZE=100 BODY=8BITMIME'],
  ['MAIL FROM:<> smtputf8', ' SMTPUTF8'],
  ['MAIL FROM:<> SIZE=1 SIZE=2', ' SIZE=2 !SIZE'],
  ['MAIL FROM:<a@b.example>  ', 'a@b.example'],
  ['MAIL FROM:<"a b"@c.example>', '"a b"@c.example'],
  ['MAIL FROM:<"a@b>c"@d.example>', '"a@b>c"@d.example'],
  ['MAIL FROM:<"a\\"b"@c.example>', '"a\\"b"@c.example'],
  ['MAIL FROM:<@one.example,@two.example:a@b.example>', 'a@b.example'],
  ['MAIL FROM:<a@[192.0.2.1]>', 'a@[192.0.2.1]'],
  ['MAIL FROM:<a@[IPv6:2001:db8::1]>', 'a@[IPv6:2001:db8::1]'],
  ['MAIL FROM:<.a..b.@c.example>', '.a..b.@c.example'],
  ['MAIL FROM:<prvs=123=a+b/c=d@e.example>', 'prvs=123=a+b/c=d@e.example'],
  ['MAIL FROM:<jürgen@bücher.example> SMTPUTF8', 'jürgen@bücher.example SMTPUTF8'],
  ['MAIL FROM:<root>', 'root'],
  [`MAIL FROM:<${'a'.repeat(512)}>`, 'a'.repeat(512)],
];

const REFUSED: readonly string[] = [
  'MAIL',
  'MAIL FROM',
  'MAIL FROM:',
  'MAIL FROM a@b.example',
  'MAIL FROM:a@b.example',
  'MAIL FROM:<a@b.example',
  'MAIL FROM:<a b@c.example>',
  'MAIL FROM:<a@b@c.example>',
  'MAIL FROM:<<a@b.example>>',
  'MAIL FROM:<a@>',
  'MAIL FROM:<@b.example>',
  'MAIL FROM:<a@b.example>SIZE=1',
  'MAIL FROM:<a@b.example> =1',
  'MAIL FROM:<a@b.example> SIZE=',
  'MAIL FROM:<a@b.example> SIZE=1=2',
  'MAIL FROM:<a\r@b.example>',
  'MAIL FROM:<a\0@b.example>',
  'MAIL FROM:<a\u202eb@c.example>',
  'MAIL FROM:<"a@b.example>',
  'RCPT TO:<a@b.example>',
  `MAIL FROM:<${'a'.repeat(513)}>`,
  `MAIL FROM:<> ${'A=1 '.repeat(17)}`,
];

describe('envelope command', () => {
  for (const [line, parsed] of ACCEPTED) {
    it(`reads ${line.slice(0, 60)}`, () => {
      assert.equal(mail(line), parsed);
    });
  }
  for (const line of REFUSED) {
    it(`refuses ${JSON.stringify(line.slice(0, 60))}`, () => {
      assert.equal(mail(line), undefined);
    });
  }
  it('refuses what is not UTF-8', () => {
    assert.equal(parseEnvelopeCommand('RCPT TO', Buffer.from('RCPT TO:<\xe4@b.example>', 'latin1')), undefined);
  });
  it('takes `__proto__` for a bad keyword and `constructor` for an unknown one', () => {
    assert.equal(mail('MAIL FROM:<> __proto__=1'), undefined);
    assert.equal(mail('MAIL FROM:<> constructor=1'), ' CONSTRUCTOR=1');
  });
  it('is linear on hostile paths', () => {
    for (const unit of ['@a,', '"\\', 'a', '.', '\\\\', '@a:']) {
      const start = threadTime();
      mail(`MAIL FROM:<${unit.repeat(100_000)}`);
      mail(`MAIL FROM:<"${unit.repeat(100_000)}`);
      assert.ok(threadTime() - start < 500, unit);
    }
  });
});
