import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

interface DriverConnection {
  readonly socket: Socket;
  cleanup(error: Error): void;
}

/**
 * Ends the wait of a write whose connection the driver itself closes, as it does when a server is lost. The driver waits
 * for `drain` or `error`; a socket that is destroyed without an error emits neither, and the operation would never end,
 * nor would anything that waits for it. Woken, it sees that its connection is closed and fails (or is tried again) as
 * it does everywhere else.
 */
function endWaitsWhenClosed(prototype: DriverConnection): void {
  const { cleanup } = prototype;
  prototype.cleanup = function (this: DriverConnection, error) {
    cleanup.call(this, error);
    if (this.socket.listenerCount('drain') > 0) this.socket.emit('drain');
  };
}

// Not part of the driver's door: its version is pinned, and a test fails where this is no longer so.
const internals = createRequire(import.meta.url)('mongodb/lib/cmap/connection.js') as {
  readonly Connection: { readonly prototype: DriverConnection };
};
endWaitsWhenClosed(internals.Connection.prototype);
