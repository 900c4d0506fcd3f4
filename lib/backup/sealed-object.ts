import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { objectKey, type BackupKey } from './backup-key.ts';

/**
 * One object of a backup set, of bounded size:
 *
 *     magic (8) version (1) sealing (1) compression (1) zero (1) plain length (4) key id (8) salt (16)
 *     chunks of up to 64 KiB, each with a tag of 16 octets     — sealed with a key
 *     the octets, then the SHA-256 of name, header and octets  — without one
 *
 * A chunk's nonce is its number and whether it is the last one; every chunk authenticates the header and the object's
 * name. So nothing can be changed, cut off, put in another order, or put in the place of another object.
 */
const MAGIC = Buffer.from('EIDERBAK');
const VERSION = 1;
const HEADER_OCTETS = 40;
const CHUNK_OCTETS = 64 * 1024;
const TAG_OCTETS = 16;
const HASH_OCTETS = 32;
const SEALED_BY_HASH = 0;
const SEALED_BY_KEY = 1;
const PLAIN = 0;
const ZSTD = 1;

/** Octets of the content of one object at most; larger things are cut into several. */
const MOST_PLAIN_OCTETS = 64 * 1024 * 1024;

/** An object that is not what was written. */
export class DamagedObject extends Error {
  override readonly name = 'DamagedObject';
  /** Which one. */
  readonly object: string;

  constructor(object: string, reason: string, options?: ErrorOptions) {
    super(`${object}: ${reason}`, options);
    this.object = object;
  }
}

/** The backup set is encrypted, and not with the key that was given. */
export class WrongKey extends Error {
  override readonly name = 'WrongKey';
}

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/**
 * @param name by which it will be asked for again
 * @param key undefined: whoever can read the object can read what is in it
 */
export async function sealObject(name: string, octets: Buffer, key: BackupKey | undefined): Promise<Buffer> {
  if (octets.length > MOST_PLAIN_OCTETS) throw new RangeError(`an object of ${String(octets.length)} octets`);
  const packed = await compress(octets, { params: { [constants.ZSTD_c_compressionLevel]: 3 } });
  const isSmaller = packed.length < octets.length;
  const content = isSmaller ? packed : octets;
  const header = Buffer.alloc(HEADER_OCTETS);
  MAGIC.copy(header);
  header[8] = VERSION;
  header[9] = key === undefined ? SEALED_BY_HASH : SEALED_BY_KEY;
  header[10] = isSmaller ? ZSTD : PLAIN;
  header.writeUInt32BE(octets.length, 12);
  if (key === undefined) return Buffer.concat([header, content, hashOf(name, header, content)]);
  const salt = randomBytes(16);
  header.write(key.id, 16, 'hex');
  salt.copy(header, 24);
  return Buffer.concat([header, ...encrypt(name, header, content, objectKey(key, salt))]);
}

/**
 * @throws DamagedObject where a single octet is not as it was written, or the object is another one
 * @throws WrongKey
 */
export async function openObject(name: string, sealed: Buffer, key: BackupKey | undefined): Promise<Buffer> {
  const header = sealed.subarray(0, HEADER_OCTETS);
  if (header.length < HEADER_OCTETS || !header.subarray(0, 8).equals(MAGIC))
    throw new DamagedObject(name, 'it is not an object of a backup');
  if (header[8] !== VERSION) throw new DamagedObject(name, `its format ${String(header[8])} is not known here`);
  const body = sealed.subarray(HEADER_OCTETS);
  const content = header[9] === SEALED_BY_HASH ? checkHash(name, header, body) : openWith(name, header, body, key);
  const length = header.readUInt32BE(12);
  const plain = header[10] === ZSTD ? await unpack(name, content, length) : content;
  if (plain.length !== length) throw new DamagedObject(name, 'it holds another number of octets than it says');
  return plain;
}

function hashOf(name: string, header: Buffer, content: Buffer): Buffer {
  return createHash('sha256').update(`${name}\0`).update(header).update(content).digest();
}

function checkHash(name: string, header: Buffer, body: Buffer): Buffer {
  const content = body.subarray(0, Math.max(0, body.length - HASH_OCTETS));
  if (body.length < HASH_OCTETS || !hashOf(name, header, content).equals(body.subarray(content.length)))
    throw new DamagedObject(name, 'its hash is not that of its octets');
  return content;
}

function encrypt(name: string, header: Buffer, content: Buffer, key: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  const count = Math.max(1, Math.ceil(content.length / CHUNK_OCTETS));
  for (let number = 0; number < count; number += 1) {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(number, number === count - 1));
    cipher.setAAD(associated(name, header));
    const chunk = content.subarray(number * CHUNK_OCTETS, (number + 1) * CHUNK_OCTETS);
    pieces.push(cipher.update(chunk), cipher.final(), cipher.getAuthTag());
  }
  return pieces;
}

function openWith(name: string, header: Buffer, body: Buffer, key: BackupKey | undefined): Buffer {
  const id = header.toString('hex', 16, 24);
  if (key === undefined) throw new WrongKey(`the backup is encrypted with key ${id}, and no key was given`);
  if (key.id !== id) throw new WrongKey(`the backup is encrypted with key ${id}, not with the given key ${key.id}`);
  const derived = objectKey(key, header.subarray(24, HEADER_OCTETS));
  const step = CHUNK_OCTETS + TAG_OCTETS;
  const count = Math.max(1, Math.ceil(body.length / step));
  const pieces: Buffer[] = [];
  for (let number = 0; number < count; number += 1) {
    const chunk = body.subarray(number * step, (number + 1) * step);
    if (chunk.length < TAG_OCTETS) throw new DamagedObject(name, 'it ends early');
    const decipher = createDecipheriv('aes-256-gcm', derived, nonceOf(number, number === count - 1));
    decipher.setAAD(associated(name, header));
    decipher.setAuthTag(chunk.subarray(chunk.length - TAG_OCTETS));
    try {
      pieces.push(decipher.update(chunk.subarray(0, chunk.length - TAG_OCTETS)), decipher.final());
    } catch (error) {
      throw new DamagedObject(name, `piece ${String(number + 1)} is not as it was written, or the object ends early`, {
        cause: error,
      });
    }
  }
  return Buffer.concat(pieces);
}

function nonceOf(number: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(number, 7);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

function associated(name: string, header: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${name}\0`), header]);
}

async function unpack(name: string, content: Buffer, length: number): Promise<Buffer> {
  try {
    return await decompress(content, { maxOutputLength: Math.min(MOST_PLAIN_OCTETS, Math.max(1, length)) });
  } catch (error) {
    throw new DamagedObject(name, 'it cannot be decompressed', { cause: error });
  }
}
