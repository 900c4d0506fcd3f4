/**
 * With these the server's Node is started, by its launcher and in tests.
 * - node:sqlite still announces itself as experimental; whoever runs Eider can do nothing about it.
 * - A small young generation is collected often, and with it the octets of large messages that have passed through: a
 *   header of 60 MB then raises the peak of memory by 30 MiB at most, where with 16 MiB it is 54 now and then.
 * @type {readonly string[]}
 */
export const NODE_FLAGS = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4'];
