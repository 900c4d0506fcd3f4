import { keyIdOf, SealError, type ContentCipher } from '../encryption/index.ts';
import { MailError } from '../kernel/errors.ts';

/** Fields of a message document that hold what its octets say; what is left are sizes, times, hashes and places. */
const BINARY = ['prefix', 'skeleton', 'envelope', 'bodyStructure', 'body', 'headers', 'parts'] as const;

/** Those of the fields that there are; `preview` is a text where it is not sealed. */
export type SealableFields = Partial<Readonly<Record<(typeof BINARY)[number], Buffer>>> & {
  readonly preview?: string | Buffer;
};

/** As stored, with the id of the key that sealed them. */
export type SealedFields = SealableFields & { readonly sealedWith?: string };

/** The fields that hold content, and no others. */
export function sealableOf(fields: SealableFields): SealableFields {
  const sealable: Record<string, string | Buffer> = {};
  for (const name of [...BINARY, 'preview'] as const) {
    const value = fields[name];
    if (value !== undefined) sealable[name] = value;
  }
  return sealable;
}

/** Seals fields of documents and opens them again; a field is bound to its message's id and its own name. */
export class FieldSeal {
  readonly #cipher: ContentCipher | undefined;

  constructor(cipher: ContentCipher | undefined) {
    this.#cipher = cipher;
  }

  /** The key that seals new documents; undefined: none does. */
  get currentKey(): string | undefined {
    return this.#cipher?.currentKey;
  }

  /** The fields that hold content, sealed where there is a key; empty ones stay. @param name the message's id, 16 octets */
  seal(name: Buffer, fields: SealableFields): SealedFields {
    const cipher = this.#cipher;
    if (cipher === undefined) return sealableOf(fields);
    const sealed: Record<string, string | Buffer> = { sealedWith: cipher.currentKey };
    for (const [field, value] of Object.entries(sealableOf(fields)))
      sealed[field] = value.length === 0 ? value : cipher.seal(name, field, Buffer.from(value));
    return sealed;
  }

  /**
   * The fields that hold content, as they were before they were sealed.
   * @throws MailError `unavailable` where there is no key, `internal` where a field is damaged
   */
  open(name: Buffer, fields: SealableFields): SealableFields {
    const opened: Record<string, string | Buffer> = {};
    for (const [field, value] of Object.entries(sealableOf(fields))) {
      const octets = Buffer.isBuffer(value) && value.length > 0 ? this.#open(name, field, value) : value;
      opened[field] = field === 'preview' ? octets.toString() : octets;
    }
    return opened;
  }

  #open(name: Buffer, field: string, sealed: Buffer): Buffer {
    if (this.#cipher === undefined)
      throw new MailError('unavailable', 'This message cannot be read at the moment', {
        cause: `it is sealed with the key ${keyIdOf(sealed) ?? ''}, and no key is configured`,
      });
    try {
      return this.#cipher.open(name, field, sealed);
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      throw new MailError('internal', 'This message cannot be read at the moment', {
        cause: new Error(`${field} of message ${name.toString('hex')}: ${error.message}`, { cause: error }),
      });
    }
  }
}
