import { BSON, type Document } from 'mongodb';
import type { TopologyVersion } from './failures.ts';
import { Listener, type ClientConnection, type CommandSink } from './listener.ts';
import type { WireCommand } from './wire.ts';

const MAX_WIRE_VERSION = 21;
const SET_NAME = 'facade';

/** What all members agree on. */
export interface SetView {
  readonly hosts: readonly string[];
  /** Undefined during an election. */
  readonly primary: string | undefined;
  readonly term: number;
}

/**
 * One member: an address, and what it answers to hello (server discovery and monitoring specification): awaitable with
 * `topologyVersion`, streaming where the client allows it.
 */
export class Member {
  readonly listener: Listener;
  readonly #view: () => SetView;
  #processId = new BSON.ObjectId();
  #counter = 0;
  #changed = Promise.withResolvers<undefined>();

  constructor(view: () => SetView, accept: CommandSink) {
    this.#view = view;
    this.listener = new Listener(accept);
  }

  get topologyVersion(): TopologyVersion {
    return { processId: this.#processId, counter: BSON.Long.fromNumber(this.#counter) };
  }

  /** Tells everybody who waits for it that something has changed. */
  change(): void {
    this.#counter += 1;
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers<undefined>();
  }

  /** A process of its own again, that has forgotten everybody. */
  async restart(): Promise<void> {
    this.#processId = new BSON.ObjectId();
    this.#counter = 0;
    await this.listener.listen();
  }

  async hello(client: ClientConnection, command: WireCommand): Promise<void> {
    for (;;) {
      await this.#untilChanged(client, command);
      client.reply(command, this.#answer(client), this.#isStream(command));
      if (!this.#isStream(command) || client.isClosed) return;
      // In a stream the next answer waits for what has changed since this one.
      command.body['topologyVersion'] = this.topologyVersion;
    }
  }

  #isStream(command: WireCommand): boolean {
    return command.mayStream && 'topologyVersion' in command.body;
  }

  async #untilChanged(client: ClientConnection, { body }: WireCommand): Promise<void> {
    const known = body['topologyVersion'] as TopologyVersion | undefined;
    if (known === undefined || body['maxAwaitTimeMS'] === undefined) return;
    const isCurrent =
      known.processId.equals(this.#processId) && String(known.counter) === String(this.#counter) && !client.isClosed;
    if (!isCurrent) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), Number(body['maxAwaitTimeMS']));
      timer.unref();
    });
    await Promise.race([this.#changed.promise, late]);
    clearTimeout(timer);
  }

  #answer(client: ClientConnection): Document {
    const { hosts, primary, term } = this.#view();
    const me = this.listener.address;
    const isPrimary = primary === me;
    return {
      helloOk: true,
      topologyVersion: this.topologyVersion,
      hosts,
      setName: SET_NAME,
      setVersion: 1,
      ismaster: isPrimary,
      isWritablePrimary: isPrimary,
      secondary: !isPrimary,
      ...(primary === undefined ? {} : { primary }),
      me,
      // Rises with the term, so that of two that say they are primary the newer one is known.
      ...(isPrimary ? { electionId: new BSON.ObjectId(`7fffffff${term.toString(16).padStart(16, '0')}`) } : {}),
      maxBsonObjectSize: 16 * 1024 * 1024,
      maxMessageSizeBytes: 48_000_000,
      maxWriteBatchSize: 100_000,
      localTime: new Date(Date.now()),
      logicalSessionTimeoutMinutes: 30,
      connectionId: client.id,
      minWireVersion: 0,
      maxWireVersion: MAX_WIRE_VERSION,
      readOnly: false,
      ok: 1,
    };
  }
}

export const setUri = (hosts: readonly string[]): string => `mongodb://${hosts.join(',')}/?replicaSet=${SET_NAME}`;
