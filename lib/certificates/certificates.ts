import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { SectionValues } from '../kernel/section.ts';
import { createSelfSignedCertificate, type KeyAndCertificate } from './self-signed-certificate.ts';
import type { tlsSection } from './settings.ts';

const DAY_MS = 86_400_000;
/** Apple's systems refuse more than 825 days, whoever signed. */
const LIFETIME_MS = 800 * DAY_MS;
const RENEW_MS = 30 * DAY_MS;

export interface CertificatesOptions {
  readonly settings: SectionValues<typeof tlsSection.settings>;
  /** Where a certificate of our own is kept: `tls/` in it. */
  readonly dataDir: string;
  /** Names for a certificate of our own. */
  readonly names: readonly [string, ...string[]];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What TLS servers present; changes under them when it is reloaded. */
export interface Certificates {
  /** For a new connection: what the last load gave. */
  secureContext(): SecureContext;
  /** The same as PEM, for servers that want it so. */
  current(): KeyAndCertificate;
  /** Called after each reload, for servers that keep a context of their own. */
  onChange(listener: () => void): void;
  /**
   * Reads the files again. @throws Error where they cannot be read or do not belong together; the ones in use stay
   */
  reload(): Promise<void>;
}

/** @throws Error with the file's name where a configured file cannot be used */
export async function createCertificates(options: CertificatesOptions): Promise<Certificates> {
  let pair = await load(options);
  let context = toContext(pair, options);
  const listeners: (() => void)[] = [];
  return {
    secureContext: () => context,
    current: () => pair,
    onChange: (listener) => void listeners.push(listener),
    reload: async () => {
      const next = await load(options);
      context = toContext(next, options);
      pair = next;
      for (const listener of listeners) listener();
    },
  };
}

function toContext(pair: KeyAndCertificate, { settings }: CertificatesOptions): SecureContext {
  const minVersion = settings.minVersion === 'TLSv1.3' ? 'TLSv1.3' : 'TLSv1.2';
  return createSecureContext({ cert: pair.certificate, key: pair.privateKey, minVersion });
}

async function load(options: CertificatesOptions): Promise<KeyAndCertificate> {
  const { certificateFile, privateKeyFile } = options.settings;
  if (certificateFile === '' && privateKeyFile === '') return await loadOwn(options);
  if (certificateFile === '' || privateKeyFile === '') {
    throw new Error('tls.certificate-file and tls.private-key-file belong together: give both or neither');
  }
  const certificate = await readPem(certificateFile, 'tls.certificate-file');
  const privateKey = await readPem(privateKeyFile, 'tls.private-key-file');
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(certificate);
    createSecureContext({ cert: certificate, key: privateKey });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${certificateFile} and ${privateKeyFile} cannot be used together: ${reason}`, { cause: error });
  }
  if (Date.parse(leaf.validTo) < options.clock.now()) {
    options.logger.warn({ file: certificateFile, validTo: leaf.validTo }, 'the certificate has expired');
  }
  return { certificate, privateKey };
}

async function readPem(file: string, setting: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${setting}: ${reason}`, { cause: error });
  }
}

/** The one made earlier while it lasts; one file holds both, so that no crash leaves halves of two. */
async function loadOwn(options: CertificatesOptions): Promise<KeyAndCertificate> {
  const folder = join(options.dataDir, 'tls');
  const file = join(folder, 'self-signed.pem');
  const kept = split(await readFile(file, 'utf8').catch(() => ''));
  const now = options.clock.now();
  if (kept !== undefined && Date.parse(new X509Certificate(kept.certificate).validTo) - now > RENEW_MS) return kept;
  const made = createSelfSignedCertificate({
    names: options.names,
    // Clients with a clock that is a little behind must not refuse it.
    notBefore: now - DAY_MS,
    notAfter: now + LIFETIME_MS,
  });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await replaceFile(file, `${made.certificate}${made.privateKey}`, 0o600);
  // Without the key, to be given to clients that are to trust it.
  await replaceFile(join(folder, 'certificate.pem'), made.certificate, 0o644);
  options.logger.info({ file, names: options.names }, 'made a certificate that signs itself');
  return made;
}

async function replaceFile(file: string, text: string, mode: number): Promise<void> {
  const temporary = `${file}.${String(process.pid)}`;
  await writeFile(temporary, text, { mode });
  await rename(temporary, file);
}

function split(text: string): KeyAndCertificate | undefined {
  const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/.exec(text)?.[0];
  const privateKey = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n?/.exec(text)?.[0];
  return certificate === undefined || privateKey === undefined ? undefined : { certificate, privateKey };
}
