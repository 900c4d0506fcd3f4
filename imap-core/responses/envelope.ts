import type { Envelope, EnvelopeAddress, EnvelopeMailbox } from '../protocol/envelope.ts';
import { nstringText } from './nstring.ts';
import { stringText } from './text.ts';

/** ENVELOPE (RFC 3501 section 7.4.2) as text of one character an octet. */
export function envelopeText(envelope: Envelope): string {
  const { date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageId } = envelope;
  return `(${[
    nstringText(date),
    nstringText(subject),
    addressListText(from),
    // Absent or empty, these two say what From says.
    addressListText(sender.length === 0 ? from : sender),
    addressListText(replyTo.length === 0 ? from : replyTo),
    addressListText(to),
    addressListText(cc),
    addressListText(bcc),
    nstringText(inReplyTo),
    nstringText(messageId),
  ].join(' ')})`;
}

function addressListText(addresses: readonly EnvelopeAddress[]): string {
  return addresses.length === 0 ? 'NIL' : `(${addresses.map(addressText).join('')})`;
}

/** A group is a marker with its name and no host, its members, and a marker with neither. */
function addressText(address: EnvelopeAddress): string {
  if (address.kind === 'mailbox') return mailboxText(address);
  return `(NIL NIL ${stringText(address.name)} NIL)${address.members.map(mailboxText).join('')}(NIL NIL NIL NIL)`;
}

/** Mailbox and host are never NIL, which would make a group's marker of the address. */
function mailboxText({ name, route, mailbox, host }: EnvelopeMailbox): string {
  return `(${nstringText(name)} ${nstringText(route)} ${stringText(mailbox)} ${stringText(host)})`;
}
