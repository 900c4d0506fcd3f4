import type { MailboxView } from '../view/mailbox-view.ts';
import { ConnectionLost, SyntaxFault } from '../wire/faults.ts';
import { type ConnectionPort, defineCommand, LOGGED_IN, parseNothing } from './command.ts';
import { tellUpdates } from './tell-updates.ts';

/**
 * Tells news as they come. While the client does not read, they stay with the view, where they take little room,
 * and are told when it does.
 */
class NewsTeller {
  readonly #connection: ConnectionPort;
  readonly #view: MailboxView;
  readonly #stopWatching: () => void;
  #telling: Promise<void> | undefined;
  #isOver = false;

  constructor(connection: ConnectionPort, view: MailboxView) {
    this.#connection = connection;
    this.#view = view;
    this.#stopWatching = view.watch(() => this.#wake());
    this.#wake();
  }

  /** Resolves when nothing more is written. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#stopWatching();
    await this.#telling;
  }

  #wake(): void {
    this.#telling ??= this.#tell().finally(() => {
      this.#telling = undefined;
    });
  }

  async #tell(): Promise<void> {
    try {
      while (!this.#isOver && this.#view.hasUpdates) {
        await this.#connection.output.ready();
        await tellUpdates(this.#connection, this.#view, { mayExpunge: true, isUid: false });
      }
    } catch (error) {
      // Whoever waits for the client's line meets the same.
      if (!(error instanceof ConnectionLost))
        this.#connection.logger.error({ err: error }, 'telling an idle client failed');
    }
  }
}

/** RFC 2177. */
export const idle = defineCommand({
  name: 'IDLE',
  states: LOGGED_IN,
  effects: ['needs-sync'],
  parse: parseNothing,
  run: async (_, context) => {
    const { connection } = context;
    const line = connection.askIdly('idling');
    const teller = context.state === 'selected' ? new NewsTeller(connection, context.view) : undefined;
    try {
      if ((await line).toUpperCase() !== 'DONE') throw new SyntaxFault('Expected DONE');
    } finally {
      await teller?.stop();
    }
    return {};
  },
});
