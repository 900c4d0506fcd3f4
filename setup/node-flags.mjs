/**
 * With these the server's Node is started, by its launcher and in tests.
 * - node:sqlite still announces itself as experimental; whoever runs Eider can do nothing about it.
 * - A small young generation is collected often, and with it the octets of large messages that have passed through: a
 *   header of 60 MB then raises the peak of memory by 30 MiB at most, where with 16 MiB it is 54 now and then.
 * @type {readonly string[]}
 */
export const NODE_FLAGS = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4'];

/**
 * What the environment of the server, and so of its engine, says beside that, where nobody has said otherwise. Octets
 * of large messages are given back to the system as soon as they are free: glibc takes them for its heap once one of
 * them has been freed, where a small thing behind them keeps them, and the peak of memory is then some 20 MiB higher.
 * Smaller ones stay with glibc: to ask the system for each would cost small mail processor time.
 * @type {Readonly<Record<string, string>>}
 */
export const NODE_ENVIRONMENT = { MALLOC_MMAP_THRESHOLD_: '524288' };
