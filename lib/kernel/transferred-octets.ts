import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Octets of messages after which the young generation is collected: about a millisecond for each so many. */
const OCTETS_PER_COLLECTION = 2 * 1024 * 1024;

/** What may gather outside of V8's heap before the old generation is collected too; V8 itself waits for 64 MiB. */
const MAX_GATHERED_OCTETS = 16 * 1024 * 1024;
/** The largest heap for which that is done, because it stops the program for about 10 ms. */
const LARGEST_HEAP = 48 * 1024 * 1024;

type Collect = (options: { readonly type: 'minor' | 'major' }) => void;

/**
 * Has V8 collect what large messages leave behind. Their octets lie outside of its heap, and it hardly counts them when
 * it decides to collect: an upload of 60 MB would stay in memory as a whole although each message is dropped at once.
 */
export class TransferredOctets {
  readonly #collect: Collect;
  #octets = 0;
  /** The least that was outside of the heap since the old generation was collected. */
  #leastOutside = Infinity;

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
    // A message that was slow to arrive or to be answered has become old by then.
    const { external_memory: outside, used_heap_size: heap } = getHeapStatistics();
    this.#leastOutside = Math.min(this.#leastOutside, outside);
    if (outside < this.#leastOutside + MAX_GATHERED_OCTETS || heap > LARGEST_HEAP) return;
    this.#collect({ type: 'major' });
    this.#leastOutside = getHeapStatistics().external_memory;
  }
}
