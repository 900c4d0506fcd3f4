import type { Envelope, EnvelopeAddress } from '../../../imap-core/index.ts';
import {
  DEFAULT_MIME_LIMITS,
  firstField,
  MAX_ADDRESSES,
  readAddressList,
  readHeaderFields,
  unfold,
} from '../../mime/index.ts';
import type { HeaderFields } from '../../mime/index.ts';

/** How many addresses of a message may still be read, those of messages inside it included. */
export class AddressBudget {
  #left = MAX_ADDRESSES;

  read(text: string): readonly EnvelopeAddress[] {
    const list = readAddressList(text, this.#left);
    this.#left -= list.count;
    return list.addresses;
  }
}

/** The envelope of a header block; of fields that stand there more than once the first counts. */
export function toEnvelope(headerBlock: Buffer, budget: AddressBudget = new AddressBudget()): Envelope {
  const header = readHeaderFields(headerBlock, DEFAULT_MIME_LIMITS);
  const addresses = (name: string): readonly EnvelopeAddress[] => budget.read(textOf(header, name) ?? '');
  return {
    date: textOf(header, 'date'),
    subject: textOf(header, 'subject'),
    from: addresses('from'),
    sender: addresses('sender'),
    replyTo: addresses('reply-to'),
    to: addresses('to'),
    cc: addresses('cc'),
    bcc: addresses('bcc'),
    inReplyTo: textOf(header, 'in-reply-to'),
    messageId: textOf(header, 'message-id'),
  };
}

/** NUL is in no string of IMAP (RFC 3501 section 9, CHAR8). */
function textOf(header: HeaderFields, name: string): string | undefined {
  const field = firstField(header, name);
  return field === undefined ? undefined : unfold(field.value).replaceAll('\0', '');
}
