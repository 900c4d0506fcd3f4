import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';

/** The process that runs the engine of a data directory, found by its command line. */
export async function enginePids(dataDir: string): Promise<number[]> {
  const pids: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const parts = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      if (parts.some((part) => part.endsWith('engine-process.ts')) && parts.includes(dataDir)) pids.push(Number(name));
    } catch {
      // It has ended meanwhile.
    }
  }
  return pids;
}
