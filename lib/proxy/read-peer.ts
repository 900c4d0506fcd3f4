import type { Socket } from 'node:net';
import type { Logger } from '../kernel/logger.ts';
import { createNetworks } from './networks.ts';
import { readProxyHeader } from './proxy-header.ts';
import type { ProxySettings } from './settings.ts';

/**
 * Finds out whom a new connection comes from, before anything else is read from it, and calls `take` with the address.
 * A connection that cannot be taken is closed without a word, and `take` is never called.
 */
export type PeerReader = (socket: Socket, take: (remoteAddress: string) => void) => void;

/** Connections whose header has not come: the rest of the world waits in the load balancer. */
const MOST_WAITING = 1000;

/** For connections that come directly. */
export const directPeer: PeerReader = (socket, take) => {
  // Gone before it was looked at.
  if (socket.remoteAddress === undefined) socket.destroy();
  else take(socket.remoteAddress);
};

/** For connections through load balancers in trusted networks; strangers are turned away. */
export function proxiedPeer(settings: ProxySettings, logger: Logger): PeerReader {
  const trusted = createNetworks(settings.trustedNetworks);
  let waiting = 0;
  return (socket, take) => {
    const proxy = socket.remoteAddress;
    if (proxy === undefined || !trusted.has(proxy) || waiting >= MOST_WAITING) {
      if (proxy !== undefined) logger.info({ remoteAddress: proxy }, 'connection past the load balancers closed');
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    waiting += 1;
    readHeader(socket, settings.headerTimeout, (outcome) => {
      waiting -= 1;
      if (outcome.kind === 'taken') {
        take(outcome.source ?? proxy);
        return;
      }
      if (outcome.reason !== '') logger.warn({ proxy, reason: outcome.reason }, 'connection of a load balancer closed');
      socket.on('error', () => undefined);
      socket.destroy();
    });
  };
}

type Outcome =
  | { readonly kind: 'taken'; readonly source: string | undefined }
  /** Without a reason where the peer just left, as those do who only look whether we are there. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Leaves in the socket what follows the header; `done` is called once, when the socket may be listened to. */
function readHeader(socket: Socket, timeoutMs: number, done: (outcome: Outcome) => void): void {
  let octets: Buffer = Buffer.alloc(0);
  const finish = (outcome: Outcome): void => {
    clearTimeout(timer);
    socket.off('readable', onReadable);
    socket.off('end', onGone);
    socket.off('close', onGone);
    socket.off('error', onError);
    // The stream notices in a later turn that nobody waits for `readable` any more.
    if (outcome.kind === 'taken') setImmediate(done, outcome);
    else done(outcome);
  };
  const onError = (): void => finish({ kind: 'refused', reason: '' });
  const onGone = (): void =>
    finish({ kind: 'refused', reason: octets.length === 0 ? '' : 'its PROXY header is cut off' });
  const onReadable = (): void => {
    for (let chunk = read(socket); chunk !== null; chunk = read(socket)) {
      octets = octets.length === 0 ? chunk : Buffer.concat([octets, chunk]);
      const header = readProxyHeader(octets);
      if (header.kind === 'incomplete') continue;
      if (header.kind === 'bad') {
        finish({ kind: 'refused', reason: header.reason });
        return;
      }
      if (octets.length > header.length) socket.unshift(octets.subarray(header.length));
      finish({ kind: 'taken', source: header.source });
      return;
    }
  };
  const timer = setTimeout(
    () => finish({ kind: 'refused', reason: 'its PROXY header did not come in time' }),
    timeoutMs,
  );
  socket.on('error', onError);
  socket.on('end', onGone);
  socket.on('close', onGone);
  socket.on('readable', onReadable);
}

function read(socket: Socket): Buffer | null {
  return socket.read() as Buffer | null;
}
