import { createInterface } from 'node:readline';
import { CommandError } from './command-error.ts';

/** Octets; the limit on passwords is far below. */
const MAX_INPUT = 64 * 1024;

/** Standard input up to its end or line end: what `--password-stdin` gives. */
export async function readPasswordFromStdin(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (text.length > MAX_INPUT) throw new CommandError('the password on standard input is too long');
  }
  const password = text.replace(/\r?\n[^]*$/, '');
  if (password === '') throw new CommandError('standard input holds no password');
  return password;
}

/** Asks twice on the terminal, without showing what is typed. */
export async function askForPassword(): Promise<string> {
  if (!process.stdin.isTTY) throw new CommandError('give the password on standard input with --password-stdin');
  const first = await askHidden('Password: ');
  if (first === '') throw new CommandError('an empty password is none');
  if ((await askHidden('Again: ')) !== first) throw new CommandError('the two passwords differ');
  return first;
}

async function askHidden(question: string): Promise<string> {
  process.stderr.write(question);
  // readline edits the line on a terminal; without an output it shows nothing of it.
  const lines = createInterface({ input: process.stdin, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => reject(new CommandError('no password was given')));
    });
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
