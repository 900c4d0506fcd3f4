import { pino } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

/** One JSON object a line. Text from peers goes into fields, never into the message. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A logger that adds the fields to each of its lines. */
  child(fields: LogFields): Logger;
  /** Takes effect at once, for children too. */
  setLevel(level: LogLevel): void;
}

const SECRETS = ['password', 'token', 'adminToken', 'authorization', 'secret', 'privateKey', 'response'];

/**
 * Escapes what could forge a line or reverse its reading on a terminal: controls that JSON leaves alone
 * (DEL, C1), line and paragraph separators, and the bidirectional overrides.
 */
function escapeForTerminal(line: string): string {
  return line.replace(
    /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * @param write receives each line with its line end
 */
export function createLogger(level: LogLevel, write: (line: string) => void): Logger {
  const root = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    },
    { write: (line: string) => write(escapeForTerminal(line)) },
  );
  // Fields are merged here rather than by pino's children, whose levels do not follow their parent's.
  const wrap = (base: LogFields): Logger => ({
    debug: (fields, message) => root.debug({ ...base, ...fields }, message),
    info: (fields, message) => root.info({ ...base, ...fields }, message),
    warn: (fields, message) => root.warn({ ...base, ...fields }, message),
    error: (fields, message) => root.error({ ...base, ...fields }, message),
    child: (fields) => wrap({ ...base, ...fields }),
    setLevel: (next) => {
      root.level = next;
    },
  });
  return wrap({});
}

/** Says nothing; for tests that do not look at logs. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
  setLevel: () => undefined,
};
