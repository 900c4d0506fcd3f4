import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import type { PasswordHasher } from '../accounts/index.ts';
import { MailError } from '../kernel/errors.ts';
import { Lanes } from './lanes.ts';

export interface Argon2Parameters {
  readonly memoryKib: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** OWASP's second choice for argon2id: 19 MiB and 2 passes, some 22 ms on one core. */
const PARAMETERS: Argon2Parameters = { memoryKib: 19 * 1024, passes: 2, parallelism: 1 };
const TAG_OCTETS = 32;
const SALT_OCTETS = 16;
const MAX_CHARACTERS = 256;
/** Two of the four threads that Node shares between file, name and hash work; at 22 ms each, 100 wait about a second. */
const LANES = { concurrency: 2, waiting: 100 };
const MAX_MEMORY_KIB = 256 * 1024;
const MAX_PASSES = 16;

const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})$/;

interface StoredHash {
  readonly parameters: Argon2Parameters;
  readonly salt: Buffer;
  readonly tag: Buffer;
}

/**
 * Argon2id by Node's own crypto, on its thread pool, two at a time; stored as a PHC string. Passwords are put
 * into NFC first (RFC 8265 section 4.2), so that every keyboard spells the same one.
 */
export function createPasswordHasher(parameters: Argon2Parameters = PARAMETERS): PasswordHasher {
  const lanes = new Lanes(LANES);
  const nobody: StoredHash = { parameters, salt: randomBytes(SALT_OCTETS), tag: randomBytes(TAG_OCTETS) };
  return {
    hash: async (password) => {
      if (!isHashable(password))
        throw new MailError('invalid-input', `A password has at most ${MAX_CHARACTERS} characters`);
      const salt = randomBytes(SALT_OCTETS);
      const tag = await lanes.run(() => derive(password, salt, TAG_OCTETS, parameters));
      return format({ parameters, salt, tag });
    },
    verify: async (stored, password) => {
      if (!isHashable(password)) return false;
      const expected = stored === undefined ? nobody : parse(stored);
      const tag = await lanes.run(() => derive(password, expected.salt, expected.tag.length, expected.parameters));
      return timingSafeEqual(tag, expected.tag) && stored !== undefined;
    },
  };
}

function isHashable(password: string): boolean {
  return password.length <= MAX_CHARACTERS;
}

function derive(password: string, salt: Buffer, tagOctets: number, parameters: Argon2Parameters): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    argon2(
      'argon2id',
      {
        message: Buffer.from(password.normalize('NFC')),
        nonce: salt,
        parallelism: parameters.parallelism,
        tagLength: tagOctets,
        memory: parameters.memoryKib,
        passes: parameters.passes,
      },
      (error, tag) => {
        if (error === null) resolve(tag);
        else reject(error);
      },
    );
  });
}

function format({ parameters, salt, tag }: StoredHash): string {
  const { memoryKib, passes, parallelism } = parameters;
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(tag)}`;
}

function unpadded(octets: Buffer): string {
  return octets.toString('base64').replaceAll('=', '');
}

/** @throws MailError `internal`: a hash that cannot be read is our trouble, never a wrong password */
function parse(stored: string): StoredHash {
  const match = PHC.exec(stored);
  const [, memory, passes, parallelism, salt, tag] = match ?? [];
  const parameters = { memoryKib: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
  const isUsable =
    salt !== undefined &&
    tag !== undefined &&
    parameters.memoryKib >= 8 * parameters.parallelism &&
    parameters.memoryKib <= MAX_MEMORY_KIB &&
    parameters.passes >= 1 &&
    parameters.passes <= MAX_PASSES &&
    parameters.parallelism >= 1;
  if (!isUsable)
    throw new MailError('internal', 'Internal error, please try again later', {
      cause: new Error('Unreadable password hash'),
    });
  return { parameters, salt: Buffer.from(salt, 'base64'), tag: Buffer.from(tag, 'base64') };
}
