import { bodyStructureText, envelopeText } from '../../../imap-core/index.ts';
import type { MessageRenderer } from '../../messages/index.ts';
import { toBodyStructure } from './to-body-structure.ts';
import { AddressBudget, toEnvelope } from './to-envelope.ts';

/** What FETCH sends for ENVELOPE, BODYSTRUCTURE and BODY, made once when a message is stored. */
export const imapRenderer: MessageRenderer = {
  version: 1,
  render(message) {
    const addresses = new AddressBudget();
    const envelope = envelopeText(toEnvelope(message.parts[0]?.headerOctets ?? Buffer.alloc(0), addresses));
    const structure = toBodyStructure(message.parts, addresses);
    return {
      envelope: Buffer.from(envelope, 'latin1'),
      bodyStructure: Buffer.from(bodyStructureText(structure, true), 'latin1'),
      body: Buffer.from(bodyStructureText(structure, false), 'latin1'),
    };
  },
};
