/**
 * With these the server's Node is started, by its launcher and in tests.
 * - node:sqlite still announces itself as experimental; whoever runs Eider can do nothing about it.
 * - The young generation is as small as it may be without costing much: at 16 MiB a delivery takes clearly less
 *   processor time than at 4, and the octets of a message of 60 MB that have passed through are still collected soon
 *   enough for the peak of memory to rise by less than 40 MiB.
 * @type {readonly string[]}
 */
export const NODE_FLAGS = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=16'];
