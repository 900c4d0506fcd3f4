/** MAIL FROM or RCPT TO, taken apart. */
export interface EnvelopeCommand {
  /** Without angle brackets and source route; empty for the null reverse path. */
  readonly address: string;
  /** Keywords in upper case. */
  readonly parameters: ReadonlyMap<string, string | true>;
  /** A keyword that was given twice. */
  readonly duplicate: string | undefined;
}

/** Octets of a path. RFC 5321 section 4.5.3.1.3 asks for 256; rewritten senders (SRS, VERP) pass that. */
const MAX_PATH = 512;
const MAX_PARAMETERS = 16;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads `MAIL FROM:<path> parameters` or `RCPT TO:<path> parameters` (RFC 5321 section 4.1.1, RFC 6531). Quoted local
 * parts are kept as written; white space after the colon and local parts that only break the rule of single dots pass.
 * @returns undefined where the line is not such a command
 */
export function parseEnvelopeCommand(verb: 'MAIL FROM' | 'RCPT TO', line: Buffer): EnvelopeCommand | undefined {
  const text = decoded(line);
  if (text?.slice(0, verb.length).toUpperCase() !== verb) return undefined;
  const colon = /^ *: */.exec(text.slice(verb.length, verb.length + 16))?.[0];
  if (colon === undefined) return undefined;
  const path = readPath(text.slice(verb.length + colon.length));
  if (path === undefined) return undefined;
  const rest = path.rest.trimEnd();
  if (rest !== '' && !rest.startsWith(' ')) return undefined;
  const words = rest.split(' ').filter((word) => word !== '');
  if (words.length > MAX_PARAMETERS) return undefined;
  return withParameters(path.address, words);
}

/** The line as text; undefined where it is not UTF-8 or holds controls or text that reads backwards. */
function decoded(line: Buffer): string | undefined {
  let text: string;
  try {
    text = decoder.decode(line);
  } catch {
    return undefined;
  }
  return /[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/.test(text)
    ? undefined
    : text;
}

// Each alternative consumes characters that no other one does, so that matching is linear.
const SOURCE_ROUTE = /^@[^\s,:@<>]+(?:,@[^\s,:@<>]+)*:/;
const LOCAL_PART = /^(?:[^\s<>()[\]\\,;:@"]+|"(?:[^"\\]|\\.)*")/;
const DOMAIN = /^@(?:[^\s<>()[\]\\,;:@"]+|\[[a-z0-9:.-]+\])/i;

function readPath(text: string): { readonly address: string; readonly rest: string } | undefined {
  if (!text.startsWith('<')) return undefined;
  let rest = text.slice(1);
  if (rest.startsWith('>')) return { address: '', rest: rest.slice(1) };
  // RFC 5321 appendix C: a source route is accepted and ignored.
  rest = rest.slice(SOURCE_ROUTE.exec(rest)?.[0].length ?? 0);
  const local = LOCAL_PART.exec(rest)?.[0];
  if (local === undefined) return undefined;
  const domain = DOMAIN.exec(rest.slice(local.length))?.[0] ?? '';
  const address = local + domain;
  if (rest[address.length] !== '>' || Buffer.byteLength(address) > MAX_PATH) return undefined;
  return { address, rest: rest.slice(address.length + 1) };
}

/** RFC 5321 section 4.1.2: esmtp-keyword and esmtp-value, the latter with UTF-8 (RFC 6531 section 3.3). */
const PARAMETER = /^([a-z0-9][a-z0-9-]*)(?:=([^\s=]+))?$/i;

function withParameters(address: string, words: readonly string[]): EnvelopeCommand | undefined {
  const parameters = new Map<string, string | true>();
  let duplicate: string | undefined;
  for (const word of words) {
    const match = PARAMETER.exec(word);
    if (match === null) return undefined;
    const keyword = (match[1] ?? '').toUpperCase();
    if (parameters.has(keyword)) duplicate = keyword;
    parameters.set(keyword, match[2] ?? true);
  }
  return { address, parameters, duplicate };
}
