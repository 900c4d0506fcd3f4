import { randomInt } from 'node:crypto';
import type { AccountId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { AccountWatcher } from './account-log.ts';
import type { AccountLogs, LoadedAccount } from './account-logs.ts';
import type { Hints } from './hints.ts';
import type { AccountEvent } from './journal.ts';

export interface AccountProbeOptions {
  readonly logs: AccountLogs;
  readonly hints: Hints;
  readonly logger: Logger;
  /** Accounts that are held are looked at after half to all of this. */
  readonly intervalMs: number;
}

/** Looks under way at a time after a reset: all accounts of a node at once would hold its commands up. */
const LOOKS_AT_ONCE = 16;

interface Held {
  readonly loaded: LoadedAccount;
  count: number;
  readonly unsubscribe: () => void;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Keeps accounts with sessions or watchers current: a hint makes their tail read at once, a reset of the hints
 * and a jittered timer make it read without one.
 */
export class AccountProbe {
  readonly #options: AccountProbeOptions;
  readonly #held = new Map<AccountId, Held>();
  readonly #endReset: () => void;
  /** Held when a reset came and not looked at since. */
  readonly #dirty = new Set<Held>();
  #lanes = 0;
  #isClosed = false;

  constructor(options: AccountProbeOptions) {
    this.#options = options;
    this.#endReset = options.hints.onReset(() => {
      for (const held of this.#held.values()) this.#dirty.add(held);
      while (this.#lanes < Math.min(LOOKS_AT_ONCE, this.#dirty.size)) void this.#clean();
    });
  }

  /** @returns lets go of the account again; once for each hold */
  hold(loaded: LoadedAccount): () => void {
    const { account } = loaded.log;
    const held = this.#held.get(account) ?? this.#begin(account, loaded);
    held.count += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      held.count -= 1;
      if (held.count === 0) this.#end(account, held);
    };
  }

  /** Listens to every record; the account is read first where it is not in memory. */
  watch(account: AccountId, listener: (event: AccountEvent) => void, onEnd: () => void): () => void {
    let letGo = (): void => undefined;
    let isStopped = false;
    const stop = (): void => {
      isStopped = true;
      letGo();
    };
    const end = (): void => {
      if (isStopped) return;
      stop();
      this.#call(account, onEnd);
    };
    const watcher: AccountWatcher = { tell: (event) => this.#call(account, () => listener(event)), end };
    this.#options.logs
      .use(account, async (loaded) => {
        const { log } = loaded;
        if (isStopped || this.#isClosed) return;
        log.watchers.add(watcher);
        const release = this.hold(loaded);
        letGo = () => {
          log.watchers.delete(watcher);
          release();
        };
        await log.refresh();
        if (log.state.q === 0 || log.state.isClosed) end();
      })
      .catch((error: unknown) => {
        this.#options.logger.warn({ account, error: String(error) }, 'an account could not be watched');
        end();
      });
    return stop;
  }

  /** What is told has happened, whatever a watcher makes of it. */
  #call(account: AccountId, watcher: () => void): void {
    try {
      watcher();
    } catch (error) {
      this.#options.logger.error({ account, error: String(error) }, 'a watcher failed to take an event');
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#endReset();
    for (const [account, held] of [...this.#held]) this.#end(account, held);
  }

  #begin(account: AccountId, loaded: LoadedAccount): Held {
    const { hints } = this.#options;
    const held: Held = {
      loaded,
      count: 0,
      unsubscribe: hints.subscribe(account, (q) => {
        if (q > loaded.log.state.q) void this.#look(loaded);
      }),
      timer: undefined,
    };
    this.#held.set(account, held);
    this.#schedule(held);
    return held;
  }

  #end(account: AccountId, held: Held): void {
    clearTimeout(held.timer);
    held.unsubscribe();
    this.#dirty.delete(held);
    if (this.#held.get(account) === held) this.#held.delete(account);
  }

  #schedule(held: Held): void {
    const { intervalMs } = this.#options;
    const delay = randomInt(Math.ceil(intervalMs / 2), Math.ceil(intervalMs) + 1);
    const timer = setTimeout(() => {
      void this.#look(held.loaded);
      this.#schedule(held);
    }, delay);
    timer.unref();
    held.timer = timer;
  }

  /** One of the lanes that look at what a reset left. */
  async #clean(): Promise<void> {
    this.#lanes += 1;
    for (const held of this.#dirty) {
      this.#dirty.delete(held);
      await this.#look(held.loaded);
    }
    this.#lanes -= 1;
  }

  /** As a use of the account, so that it is counted and written down like any other; never rejects. */
  async #look({ log: { account } }: LoadedAccount): Promise<void> {
    try {
      await this.#options.logs.use(account, ({ log }) => log.refresh());
    } catch (error) {
      this.#options.logger.warn({ account, error: String(error) }, 'the journal could not be read');
    }
  }
}
