/** CPU time of this thread so far, in milliseconds. */
function cpu(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/**
 * Watches how long the event loop is held: by this thread's own work, for other processes on the machine may keep it
 * waiting too.
 * @returns ends the watch and gives the longest time in milliseconds
 */
export function watchLoop(): () => number {
  let longest = 0;
  let last = cpu();
  const look = (): void => {
    const now = cpu();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(look, 5);
  return () => {
    clearInterval(timer);
    look();
    return longest;
  };
}
