import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createCertificates, createSelfSignedCertificate, tlsSection } from '../../lib/certificates/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { defaultsOf } from '../../lib/kernel/section.ts';

const DAY_MS = 86_400_000;

describe('certificates', () => {
  let dataDir = '';
  let now = Date.now();
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'eider-certificates-'));
  });
  after(() => rm(dataDir, { recursive: true, force: true }));

  const open = (settings: Partial<Record<'certificateFile' | 'privateKeyFile', string>> = {}) =>
    createCertificates({
      settings: { ...defaultsOf(tlsSection), ...settings },
      dataDir,
      names: ['localhost', '127.0.0.1'],
      clock: { now: () => now, monotonic: () => now },
      logger: silentLogger,
    });

  it('makes one, keeps it, and lets nobody else read the key', async () => {
    const first = await open();
    assert.deepEqual((await open()).current(), first.current());
    assert.equal((await stat(join(dataDir, 'tls/self-signed.pem'))).mode & 0o777, 0o600);
    const published = await readFile(join(dataDir, 'tls/certificate.pem'), 'utf8');
    assert.equal(published, first.current().certificate);
  });

  it('makes another before it runs out', async () => {
    const first = (await open()).current();
    now += 769 * DAY_MS;
    assert.deepEqual((await open()).current(), first);
    now += 2 * DAY_MS;
    assert.notDeepEqual((await open()).current(), first);
  });

  it('makes another where the file is damaged', async () => {
    const first = (await open()).current();
    await writeFile(join(dataDir, 'tls/self-signed.pem'), first.certificate);
    assert.notDeepEqual((await open()).current(), first);
  });

  it('takes the configured files, and what they hold after a reload', async () => {
    const files = { certificateFile: join(dataDir, 'c.pem'), privateKeyFile: join(dataDir, 'k.pem') };
    const put = async (name: string): Promise<void> => {
      const made = createSelfSignedCertificate({ names: [name], notBefore: now, notAfter: now + DAY_MS });
      await writeFile(files.certificateFile, made.certificate);
      await writeFile(files.privateKeyFile, made.privateKey);
    };
    await put('one.example');
    const certificates = await open(files);
    let changes = 0;
    certificates.onChange(() => (changes += 1));
    assert.equal(new X509Certificate(certificates.current().certificate).subject, 'CN=one.example');
    const context = certificates.secureContext();
    await put('two.example');
    await certificates.reload();
    assert.equal(new X509Certificate(certificates.current().certificate).subject, 'CN=two.example');
    assert.notEqual(certificates.secureContext(), context);
    assert.equal(changes, 1);
    await writeFile(files.privateKeyFile, 'not a key');
    await assert.rejects(certificates.reload(), /k\.pem cannot be used together/);
    assert.equal(new X509Certificate(certificates.current().certificate).subject, 'CN=two.example');
    assert.equal(changes, 1);
  });

  it('refuses one file without the other, and files that are missing', async () => {
    await assert.rejects(open({ certificateFile: '/nowhere' }), /belong together/);
    await assert.rejects(
      open({ certificateFile: '/nowhere', privateKeyFile: '/nowhere' }),
      /tls\.certificate-file: ENOENT/,
    );
  });
});
