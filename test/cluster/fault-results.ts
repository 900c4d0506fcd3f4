import { FAULTS } from './fault-cases.ts';

export const INVARIANTS = ['I1', 'I2', 'I3', 'I4', 'I6', 'I7', 'I8', 'I9', 'I12'] as const;
export type Invariant = (typeof INVARIANTS)[number];

export interface RunResult {
  readonly fault: string;
  readonly operation: string;
  readonly position: number;
  readonly outcome: 'acknowledged' | 'refused' | 'unknown';
  readonly checked: readonly Invariant[];
  readonly violations: readonly string[];
}

/** A line for each fault: how often it was run, what came of it, and of each invariant how often it was checked and held. */
export function tableOf(results: readonly RunResult[]): string[] {
  const lines = [
    `${'fault'.padEnd(38)} runs   ok refused unknown  ${INVARIANTS.map((name) => name.padStart(5)).join('')}`,
  ];
  for (const { name } of FAULTS) {
    const mine = results.filter(({ fault }) => fault === name);
    const of = (outcome: RunResult['outcome']): string => String(mine.filter((run) => run.outcome === outcome).length);
    const held = INVARIANTS.map((invariant) => {
      const checked = mine.filter((run) => run.checked.includes(invariant)).length;
      const broken = mine.filter((run) => run.violations.some((text) => text.startsWith(`${invariant}:`))).length;
      return (broken === 0 ? String(checked) : `${String(broken)}!`).padStart(5);
    });
    lines.push(
      `${name.padEnd(38)} ${String(mine.length).padStart(4)} ${of('acknowledged').padStart(4)} ${of('refused').padStart(7)} ` +
        `${of('unknown').padStart(7)}  ${held.join('')}`,
    );
  }
  return lines;
}
