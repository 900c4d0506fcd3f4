import type { Fault } from '../support/cluster/replica-set.ts';

/** A fault at one command of an operation, or at several one after the other, so that the driver's own retry meets it too. */
export interface FaultCase {
  readonly name: string;
  readonly fault: Fault;
  readonly times: number;
}

const RETRIED: readonly Fault[] = [
  { kind: 'error', code: 10107, at: 'before' },
  { kind: 'error', code: 11602, at: 'before' },
  { kind: 'error', code: 91, at: 'before' },
  { kind: 'error', code: 189, at: 'before' },
  { kind: 'error', code: 10107, at: 'kept' },
  { kind: 'error', code: 11602, at: 'rolled-back' },
  { kind: 'cut', at: 'before' },
  { kind: 'cut', at: 'after' },
  { kind: 'concern-timeout', fate: 'kept' },
  { kind: 'concern-timeout', fate: 'rolled-back' },
  { kind: 'silence', at: 'after' },
  { kind: 'step-down', at: 'before' },
  { kind: 'step-down', at: 'kept' },
  { kind: 'step-down', at: 'rolled-back' },
  { kind: 'kill', at: 'before' },
  { kind: 'kill', at: 'kept' },
  { kind: 'kill', at: 'rolled-back' },
];
/** Three times are one more than the driver tries. */
const PERSISTENT: readonly Fault[] = [
  { kind: 'error', code: 11602, at: 'before' },
  { kind: 'error', code: 189, at: 'rolled-back' },
  { kind: 'cut', at: 'before' },
  { kind: 'cut', at: 'after' },
  { kind: 'concern-timeout', fate: 'rolled-back' },
  { kind: 'step-down', at: 'rolled-back' },
  { kind: 'kill', at: 'rolled-back' },
];

const nameOf = (fault: Fault): string =>
  [fault.kind, 'code' in fault ? fault.code : '', 'at' in fault ? fault.at : fault.fate].filter(Boolean).join(' ');

export const FAULTS: readonly FaultCase[] = [
  ...RETRIED.map((fault) => ({ name: nameOf(fault), fault, times: 1 })),
  ...PERSISTENT.map((fault) => ({ name: `${nameOf(fault)}, 3 times`, fault, times: 3 })),
];
