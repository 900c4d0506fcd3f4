/**
 * Processor time of this thread so far, in milliseconds. For tests of how long a computation takes: unlike the
 * clock it stands still while other processes have the processor.
 */
export function threadTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Processor time of the whole process so far, in milliseconds: for work in Node's thread pool. */
export function processTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
