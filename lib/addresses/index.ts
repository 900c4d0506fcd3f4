export type * from './addresses.ts';
export { addressFault, addressView, normaliseDomain, recipientView, withoutLabel } from './address-view.ts';
export { createAddresses, prepareAddresses, uniqueTags } from './create-addresses.ts';
export { addressCollections } from './collections.ts';
export { createAddressTransfer, type AddressTransfer } from './transfer-addresses.ts';
