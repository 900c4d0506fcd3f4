import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SystemFlag } from '../../../lib/journal/index.ts';
import { readMbox } from '../../../workers/transfer/read-mbox.ts';
import { mailboxOfFile, mboxFileOf, mboxMessage } from '../../../workers/transfer/write-mbox.ts';

const SEPARATOR = 'From ann@example.com Mon Nov  2 10:11:12 2026';
const AT = Date.UTC(2026, 10, 2, 10, 11, 12);

interface Read {
  readonly text: string;
  readonly system: number;
  readonly receivedAt: number | undefined;
}

async function collect(octets: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of octets) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

describe('mbox files', () => {
  let file = '';
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'eider-mbox-'));
    file = join(folder, 'test.mbox');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function read(text: string, isSkimming = false): Promise<(Read | string)[]> {
    await writeFile(file, text, 'latin1');
    const found: (Read | string)[] = [];
    for await (const item of readMbox(file, '', { octets: 0 })) {
      if (item.kind === 'skipped') found.push(item.reason);
      else if (isSkimming) found.push('skimmed');
      else {
        const octets = await collect(item.octets);
        found.push({ text: octets, system: item.flags().system, receivedAt: item.receivedAt });
      }
    }
    return found;
  }
  const plain = (text: string): Read => ({ text, system: 0, receivedAt: AT });

  const cases: readonly (readonly [string, string, readonly (Read | string)[]])[] = [
    ['one message', `${SEPARATOR}\nA: 1\n\nbody\n\n`, [plain('A: 1\r\n\r\nbody\r\n')]],
    ['no empty line at the end', `${SEPARATOR}\nA: 1\n\nbody\n`, [plain('A: 1\r\n\r\nbody\r\n')]],
    ['no line end at the end', `${SEPARATOR}\nA: 1\n\nbody`, [plain('A: 1\r\n\r\nbody')]],
    [
      'two messages',
      `${SEPARATOR}\nA: 1\n\none\n\n${SEPARATOR}\nA: 2\n\ntwo\n\n`,
      [plain('A: 1\r\n\r\none\r\n'), plain('A: 2\r\n\r\ntwo\r\n')],
    ],
    ['CRLF line ends', `${SEPARATOR}\r\nA: 1\r\n\r\nbody\r\n\r\n`, [plain('A: 1\r\n\r\nbody\r\n')]],
    [
      'bare LF in a message with CRLF stays',
      `${SEPARATOR}\nA: 1\r\n\r\nbare\nLF\r\n\r\n`,
      [plain('A: 1\r\n\r\nbare\nLF\r\n')],
    ],
    [
      'empty lines of the message stay, but the last',
      `${SEPARATOR}\nA: 1\n\n\nx\n\n\n`,
      [plain('A: 1\r\n\r\n\r\nx\r\n\r\n')],
    ],
    ['no body', `${SEPARATOR}\nA: 1\n\n`, [plain('A: 1\r\n\r\n')]],
    [
      'quoted From',
      `${SEPARATOR}\nA: 1\n\n>From x\n>>From y\n>from z\n> From\n`,
      [plain('A: 1\r\n\r\nFrom x\r\n>From y\r\n>from z\r\n> From\r\n')],
    ],
    [
      'From in a text that is no separator',
      `${SEPARATOR}\nA: 1\n\nFrom here to there\n`,
      [plain('A: 1\r\n\r\nFrom here to there\r\n')],
    ],
    [
      'flags',
      `${SEPARATOR}\nStatus: RO\nX-Status: AFT\n\nX-Status: D\n`,
      [
        {
          text: 'Status: RO\r\nX-Status: AFT\r\n\r\nX-Status: D\r\n',
          system: SystemFlag.seen + SystemFlag.answered + SystemFlag.flagged + SystemFlag.draft,
          receivedAt: AT,
        },
      ],
    ],
    ['a zone in the separator', `From a Mon Nov  2 10:11:12 CET 2026\nA: 1\n\n`, [plain('A: 1\r\n\r\n')]],
    ['no mbox', 'A: 1\n\nbody\n', ['it does not begin with a "From " line: no mbox']],
    ['an empty file', '', []],
  ];
  for (const [name, text, expected] of cases) {
    it(name, async () => assert.deepEqual(await read(text), expected));
  }

  it('goes to the next message where one is not read', async () => {
    assert.deepEqual(await read(`${SEPARATOR}\nA: 1\n\none\n\n${SEPARATOR}\nA: 2\n\ntwo\n`, true), [
      'skimmed',
      'skimmed',
    ]);
  });

  it('finds separators wherever chunks and pieces of long lines end', async () => {
    const long = 'x'.repeat(200_000);
    const many = Array.from(
      { length: 20 },
      (_, index) => `${SEPARATOR}\nA: ${String(index)}\n\n${long}\nFrom me\n\n`,
    ).join('');
    const found = await read(many);
    assert.equal(found.length, 20);
    for (const [index, item] of found.entries()) {
      assert.equal(typeof item === 'string' ? item : item.text, `A: ${String(index)}\r\n\r\n${long}\r\nFrom me\r\n`);
    }
  });

  it('are read as they were written', async () => {
    const messages = ['A: 1\r\n\r\nFrom x\r\n>From y\r\n\r\n', 'A: 2\r\n\r\n', 'A: 3\r\n\r\nno end'];
    let text = '';
    for (const message of messages) {
      const octets = async function* () {
        for (const octet of Buffer.from(message)) yield Buffer.from([octet]);
      };
      text += await collect(mboxMessage(octets(), AT));
    }
    assert.deepEqual(
      await read(text),
      // The format has no way to say that the last line has no end.
      messages.map((message) => plain(message.endsWith('\n') ? message : `${message}\r\n`)),
    );
  });

  it('have names that lead nowhere else and back', () => {
    for (const path of ['INBOX', 'Archive/2024', '../../etc/passwd', './x/..', 'a%b', 'tab\there', '.hidden']) {
      const name = mboxFileOf(path);
      assert.ok(!name.split('/').some((level) => level.startsWith('.')), name);
      assert.equal(mailboxOfFile(name), path);
    }
  });
});
