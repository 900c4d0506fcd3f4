import { z } from 'zod';
import { uniqueTags } from '../../lib/addresses/index.ts';
import { parseJson } from './json-input.ts';

/** The longest JSON text of metaData or internalData. */
const MAX_DATA_CHARACTERS = 1024 * 1024;
const MAX_TAGS = 1000;

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['true', 'yes', 'y', 'on', '1'].map((text) => [text, true] as const),
  ...['false', 'no', 'n', 'off', '0'].map((text) => [text, false] as const),
]);

/** true/false, yes/no, y/n, on/off, 1/0 in any case, as JSON or as text. */
export function flag() {
  return z.preprocess((value) => {
    if (typeof value === 'number') return BOOLEANS.get(String(value)) ?? value;
    return typeof value === 'string' ? (BOOLEANS.get(value.toLowerCase()) ?? value) : value;
  }, z.boolean());
}

/**
 * An option that is not served yet: only the value with which nothing is asked for, so that clients which always send
 * it are served, and nobody is promised what is not done.
 */
export function onlyFalse() {
  return flag()
    .refine((value) => !value, 'cannot be true: it is not served yet')
    .optional();
}

/** As `onlyFalse`, for numbers. */
export function onlyNumber(value: number) {
  return whole(0, Number.MAX_SAFE_INTEGER)
    .refine((given) => given === value, `cannot be other than ${value}: it is not served yet`)
    .optional();
}

/** A whole number, as JSON or as digits. */
export function whole(min: number, max: number) {
  return z.preprocess(
    (value) => (typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value),
    z.number().int().min(min).max(max),
  );
}

export function text(maxCharacters: number) {
  return z.string().max(maxCharacters);
}

/** ISO 8601, RFC 2822, or milliseconds since 1970; the value is milliseconds. */
export function date() {
  return z.preprocess((value) => {
    if (typeof value !== 'string' || value.length > 64) return value;
    return /^-?\d{1,16}$/.test(value) ? Number(value) : Date.parse(value);
  }, z.number().int().min(0).max(8_640_000_000_000_000));
}

/** An array of tags, or one text with commas; unique whatever the case, sorted. */
export function tags() {
  return z
    .preprocess(
      (value) => (typeof value === 'string' ? value.split(',') : value),
      z.array(z.string().max(128)).max(MAX_TAGS),
    )
    .overwrite((given) => [...uniqueTags(given)]);
}

/** An object, or its JSON text. */
export function data() {
  return z.preprocess(
    (value) => {
      if (typeof value !== 'string' || value.length > MAX_DATA_CHARACTERS) return value;
      try {
        return parseJson(value);
      } catch {
        return value;
      }
    },
    z
      .record(z.string(), z.unknown())
      .refine((value) => JSON.stringify(value).length <= MAX_DATA_CHARACTERS, 'is larger than 1 MiB'),
  );
}

/** A user id, or `me` for the owner of the token. */
export function userParameter() {
  return z.string().regex(/^(?:me|[0-9a-fA-F]{24})$/, 'is not a user id');
}

export function objectId() {
  return z
    .string()
    .regex(/^[0-9a-fA-F]{24}$/, 'is not an id')
    .toLowerCase();
}

/** What every listing by pages takes. */
export const pageInput = {
  limit: whole(1, 250).default(20),
  next: text(1024).optional(),
  previous: text(1024).optional(),
  /** Clients that count pages send theirs; the cursors know better. */
  page: whole(0, 1_000_000_000).optional(),
};

/** What every operation takes, for the logs. */
export const commonInput = {
  sess: text(255).optional(),
  ip: text(64).optional(),
};

export const pageOutput = {
  total: z.number(),
  page: z.number(),
  previousCursor: z.union([z.string(), z.literal(false)]),
  nextCursor: z.union([z.string(), z.literal(false)]),
};

export const dataOutput = z.record(z.string(), z.unknown());
