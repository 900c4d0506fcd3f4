export type * from './messages.ts';
export { createMessages, type MessagesOptions, type MessagesRoom } from './create-messages.ts';
export { isHotField } from './hot-fields.ts';
export { messagesSection, type MessagesSettings } from './settings.ts';
export type { MessageProblem } from './check-message.ts';
export {
  createSweep,
  type Sweep,
  type SweepOptions,
  type SweepReferences,
  type SweepReport,
  type SweepRunOptions,
} from './create-sweep.ts';
