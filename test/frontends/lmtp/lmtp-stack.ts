import { createSecureContext } from 'node:tls';
import { createSelfSignedCertificate } from '../../../lib/certificates/index.ts';
import { defaultsOf } from '../../../lib/kernel/section.ts';
import { silentLogger } from '../../../lib/kernel/logger.ts';
import {
  createLmtpServer,
  lmtpSection,
  type LmtpServer,
  type LmtpSettings,
} from '../../../lib/frontends/lmtp/index.ts';
import { MemoryDelivery } from './memory-delivery.ts';

/** An LMTP server on rooms in memory, and where it listens. */
export interface Running {
  readonly at: { readonly host: string; readonly port: number };
  readonly server: LmtpServer;
  readonly rooms: MemoryDelivery;
}

const now = Date.now();
const pair = createSelfSignedCertificate({ names: ['localhost'], notBefore: now, notAfter: now + 3_600_000 });
const context = createSecureContext({ key: pair.privateKey, cert: pair.certificate });

export async function start(settings: Partial<LmtpSettings> = {}): Promise<Running> {
  const rooms = new MemoryDelivery();
  const server = createLmtpServer({
    delivery: rooms,
    messages: rooms,
    logger: silentLogger,
    settings: { ...defaultsOf(lmtpSection), ...settings },
    hostname: 'mail.example.com',
    secureContext: () => context,
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return { at: { host: '127.0.0.1', port }, server, rooms };
}

/** Runs one test against a server of its own settings. */
export async function withServer(
  settings: Partial<LmtpSettings>,
  run: (running: Running) => Promise<void>,
): Promise<void> {
  const running = await start(settings);
  try {
    await run(running);
  } finally {
    await running.server.close(0);
  }
}
