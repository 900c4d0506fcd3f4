export type * from './messages.ts';
export { createMessages, type MessagesRoom } from './create-messages.ts';
export { isHotField } from './hot-fields.ts';
export { messagesSection, type MessagesSettings } from './settings.ts';
export { createSweep, type Sweep, type SweepReferences, type SweepReport } from './create-sweep.ts';
export { messageCollections } from './collections.ts';
export {
  createMessageTransfer,
  describeMessage,
  type CarriedMessage,
  type MessageTransfer,
} from './transfer-messages.ts';
