import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Octets of messages after which the young generation is collected: about a millisecond for each so many. */
const OCTETS_PER_COLLECTION = 2 * 1024 * 1024;

type Collect = (options: { readonly type: 'minor' }) => void;

/**
 * Has V8 collect what large messages leave behind. Their octets lie outside of its heap, and it hardly counts them when
 * it decides to collect: an upload of 60 MB would stay in memory as a whole although each message is dropped at once.
 */
export class TransferredOctets {
  readonly #collect: Collect;
  #octets = 0;

  constructor() {
    setFlagsFromString('--expose-gc');
    this.#collect = runInNewContext('gc') as Collect;
  }

  /** Tells of a message that was received or sent. */
  add(octets: number): void {
    this.#octets += octets;
    if (this.#octets < OCTETS_PER_COLLECTION) return;
    this.#octets = 0;
    this.#collect({ type: 'minor' });
  }
}
