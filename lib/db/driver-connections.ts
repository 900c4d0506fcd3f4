import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

interface DriverConnection {
  readonly socket: Socket;
  cleanup: (this: DriverConnection, error: Error) => void;
}

/**
 * Ends the wait of a write whose connection is closed, as when a server is lost. The driver waits for `drain` or `error`;
 * a socket that is destroyed without an error, or had its error already, emits neither, and the operation would never
 * end, nor would anything that waits for it. Woken, it sees that its connection is closed and fails (or is tried again) as
 * it does everywhere else.
 */
function endWaitsWhenClosed(prototype: DriverConnection): void {
  const { cleanup } = prototype;
  prototype.cleanup = function (error) {
    cleanup.call(this, error);
    // A write that was being encoded meanwhile begins to wait only after this.
    setImmediate(() => this.socket.emit('drain'));
  };
}

// Not part of the driver's door: its version is pinned, and a test fails where this is no longer so.
const internals = createRequire(import.meta.url)('mongodb/lib/cmap/connection.js') as {
  readonly Connection: { readonly prototype: DriverConnection };
};
endWaitsWhenClosed(internals.Connection.prototype);
