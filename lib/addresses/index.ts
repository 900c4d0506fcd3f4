export type * from './addresses.ts';
export { addressView, normaliseDomain, recipientView, withoutLabel } from './address-view.ts';
export { createAddresses, prepareAddresses, type AddressesOptions } from './create-addresses.ts';
