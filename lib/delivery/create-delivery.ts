import { MailError } from '../kernel/errors.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Accounts } from '../accounts/index.ts';
import type { Addresses } from '../addresses/index.ts';
import type { Mailboxes } from '../journal/index.ts';
import type { Messages } from '../messages/index.ts';
import type { Delivery, Recipient } from './delivery.ts';
import { deliverMessage } from './deliver-message.ts';
import { deliveryAddressOf, withoutNeedlessQuotes } from './delivery-address.ts';
import type { DeliverySettings } from './settings.ts';

export interface DeliveryParts {
  readonly mailboxes: Pick<Mailboxes, 'deliver' | 'knownQ' | 'usage'>;
  readonly messages: Pick<Messages, 'store'>;
  readonly addresses: Pick<Addresses, 'resolve'>;
  readonly accounts: Pick<Accounts, 'get'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: DeliverySettings;
  /** Name of this host, for Received. */
  readonly hostname: string;
}

export function createDelivery(parts: DeliveryParts): Delivery {
  const resolveRecipient = async (address: string): Promise<Recipient> => {
    const owned = await parts.addresses.resolve(withoutNeedlessQuotes(address));
    const user = owned === undefined ? undefined : await parts.accounts.get(owned.user);
    if (owned === undefined || user === undefined) throw new MailError('address-not-found', 'No such user here');
    if (user.isDisabled) throw new MailError('account-disabled', 'This account is disabled');
    return {
      address,
      deliveryAddress: deliveryAddressOf(owned.address, address),
      user: user.id,
      account: user.account,
    };
  };
  return {
    resolveRecipient,
    deliver: (ingested, envelope) => deliverMessage({ ...parts, resolveRecipient }, ingested, envelope),
  };
}
