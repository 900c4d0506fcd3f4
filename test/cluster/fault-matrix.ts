import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FAULTS } from './fault-cases.ts';
import { OPERATIONS } from './fault-operations.ts';
import { tableOf, type RunResult } from './fault-results.ts';
import { FaultLane } from './fault-runs.ts';

export interface FaultMatrixOptions {
  readonly name: string;
  /** At which of an operation's commands a fault comes, by how many there are and the numbers of fault and operation. */
  readonly positions: (length: number, fault: number, operation: number) => readonly number[];
  /** Replica sets at the same time: a run waits for elections most of its time. */
  readonly lanes: number;
}

/** Every fault at every operation of the way that mail takes; prints the table of what came of it. */
export function faultMatrix({ name, positions, lanes }: FaultMatrixOptions): void {
  describe(name, () => {
    it('keeps every promise', { timeout: 25 * 60_000 }, async (t) => {
      const all = await Promise.all(Array.from({ length: lanes }, () => FaultLane.open()));
      const results: RunResult[] = [];
      try {
        const [first] = all;
        assert.ok(first !== undefined);
        const lengths = new Map<string, number>();
        for (const operation of OPERATIONS) lengths.set(operation.name, await first.lengthOf(operation));
        const cases = FAULTS.flatMap((fault, f) =>
          OPERATIONS.flatMap((operation, o) =>
            positions(lengths.get(operation.name) ?? 1, f, o).map((position) => ({ fault, operation, position })),
          ),
        );
        const waiting = cases.values();
        const work = async (lane: FaultLane): Promise<void> => {
          for (const { fault, operation, position } of waiting)
            results.push(await lane.run(operation, fault, position));
        };
        await Promise.all(all.map(work));
        t.diagnostic(
          `commands of each operation: ${[...lengths].map(([op, length]) => `${op} ${String(length)}`).join(', ')}`,
        );
      } finally {
        await Promise.all(all.map((lane) => lane.close()));
      }
      for (const line of tableOf(results)) t.diagnostic(line);
      const broken = results.filter(({ violations }) => violations.length > 0);
      assert.deepEqual(
        broken.map(({ fault, operation, position, violations }) => ({ fault, operation, position, violations })),
        [],
      );
    });
  });
}
