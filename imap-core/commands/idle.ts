import type { MailboxView } from '../view/mailbox-view.ts';
import { ConnectionLost, SyntaxFault } from '../wire/faults.ts';
import { type ConnectionPort, defineCommand, LOGGED_IN, parseNothing } from './command.ts';
import { tellUpdates } from './tell-updates.ts';

/**
 * Tells news as they come. While the client does not read, they stay with the view, where they take little room,
 * and are told when it does.
 */
function tellAsTheyCome(connection: ConnectionPort, view: MailboxView): () => void {
  let isWaiting = false;
  let isOver = false;
  const tell = (): void => {
    if (isOver || isWaiting) return;
    if (!connection.output.isFull) {
      tellUpdates(connection, view, { mayExpunge: true, isUid: false });
      return;
    }
    isWaiting = true;
    connection.output.ready().then(
      () => {
        isWaiting = false;
        tell();
      },
      (error: unknown) => {
        if (!(error instanceof ConnectionLost)) connection.logger.error({ error }, 'waiting for an idle client failed');
      },
    );
  };
  const stop = view.watch(tell);
  tell();
  return () => {
    isOver = true;
    stop();
  };
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
    const stop = context.state === 'selected' ? tellAsTheyCome(connection, context.view) : () => undefined;
    try {
      if ((await line).toUpperCase() !== 'DONE') throw new SyntaxFault('Expected DONE');
    } finally {
      stop();
    }
    return {};
  },
});
