import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { LineClient, type ConnectOptions } from '../support/line-client.ts';

/**
 * A dialogue as text, one step a line:
 *
 *     # a remark
 *     C: sends the text and CRLF              C2: the same on a second connection
 *     C> sends the text as it is, with \r \n \t \\ \xHH
 *     S: expects exactly this line            S2: the same from the second connection
 *     S~ expects a line that matches this regular expression as a whole
 *     D: drops the connection
 *     X: expects that the server ends the connection without another octet
 */
interface Step {
  readonly number: number;
  readonly connection: number;
  readonly kind: 'send' | 'send-raw' | 'expect' | 'expect-match' | 'expect-end' | 'drop';
  readonly text: string;
}

export interface Transcript {
  readonly name: string;
  readonly steps: readonly Step[];
}

const KINDS: ReadonlyMap<string, Step['kind']> = new Map<string, Step['kind']>([
  ['C:', 'send'],
  ['C>', 'send-raw'],
  ['S:', 'expect'],
  ['S~', 'expect-match'],
  ['X:', 'expect-end'],
  ['D:', 'drop'],
]);

/** All `*.txt` of a folder under test/transcripts, in order of their names. */
export async function readTranscripts(folder: string): Promise<readonly Transcript[]> {
  const directory = new URL(`../transcripts/${folder}/`, import.meta.url);
  const names = (await readdir(directory)).filter((name) => name.endsWith('.txt')).sort();
  return Promise.all(
    names.map(async (name) => ({
      name: name.replace(/\.txt$/, ''),
      steps: parse(await readFile(new URL(name, directory), 'utf8')),
    })),
  );
}

function parse(text: string): readonly Step[] {
  return text
    .split('\n')
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line !== '' && !line.startsWith('#'))
    .map(({ line, number }) => {
      const match = /^([CSXD])(\d?)([:>~])(?: (.*))?$/.exec(line);
      const kind = match === null ? undefined : KINDS.get(`${match[1] ?? ''}${match[3] ?? ''}`);
      if (match === null || kind === undefined) throw new Error(`line ${String(number)}: not a step: ${line}`);
      return { number, kind, connection: Number(match[2] === '' ? '1' : match[2]), text: match[4] ?? '' };
    });
}

function unescape(text: string): Buffer {
  const octets = text.replace(/\\(r|n|t|\\|x[0-9a-f]{2})/gi, (_all, escape: string) => {
    const simple = new Map([
      ['r', '\r'],
      ['n', '\n'],
      ['t', '\t'],
      ['\\', '\\'],
    ]).get(escape);
    return simple ?? String.fromCharCode(parseInt(escape.slice(1), 16));
  });
  return Buffer.from(octets, 'latin1');
}

/**
 * Plays a transcript; connections open when they are first named.
 * @param words stand for `{name}` in the text
 */
export async function playTranscript(
  transcript: Transcript,
  at: ConnectOptions,
  words: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  const clients = new Map<number, LineClient>();
  try {
    for (const step of transcript.steps) {
      const client = clients.get(step.connection) ?? (await LineClient.connect(at));
      clients.set(step.connection, client);
      const text = step.text.replace(/\{(\w+)\}/g, (all, name: string) => words.get(name) ?? all);
      await play({ ...step, text }, client, `${transcript.name} line ${String(step.number)}`);
    }
  } finally {
    for (const client of clients.values()) client.destroy();
  }
}

async function play(step: Step, client: LineClient, where: string): Promise<void> {
  switch (step.kind) {
    case 'send':
      await client.write(Buffer.from(`${step.text}\r\n`, 'utf8'));
      break;
    case 'send-raw':
      await client.write(unescape(step.text));
      break;
    case 'expect':
      assert.equal(await lineOf(client, where), step.text, where);
      break;
    case 'expect-match':
      assert.match(await lineOf(client, where), new RegExp(`^(?:${step.text})$`), where);
      break;
    case 'drop':
      client.end();
      break;
    case 'expect-end':
      assert.equal((await client.rest()).toString('latin1'), '', where);
      break;
  }
}

async function lineOf(client: LineClient, where: string): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${where}: no answer`));
    }, 5000);
  });
  try {
    return await Promise.race([client.line(), late]);
  } finally {
    clearTimeout(timer);
  }
}
