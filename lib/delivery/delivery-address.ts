/**
 * The address that deliveries are told apart by: the owner's spelling in lower case and NFC, with the subaddress
 * (`+label`) that the recipient was written with.
 * @param owned the address as its owner has it
 * @param written the recipient as the client wrote it
 */
export function deliveryAddressOf(owned: string, written: string): string {
  const address = owned.normalize('NFC').toLowerCase();
  const label = labelOf(written.normalize('NFC').toLowerCase());
  const at = address.lastIndexOf('@');
  if (label === '' || at < 0) return address;
  const local = address.slice(0, at);
  // An address that its owner holds with the label in it needs no second one.
  return local.endsWith(label) ? address : `${local}${label}${address.slice(at)}`;
}

/** From the first `+` of the local part on; a quoted local part has no subaddress. */
function labelOf(address: string): string {
  const at = address.lastIndexOf('@');
  const local = at < 0 ? address : address.slice(0, at);
  const plus = local.indexOf('+');
  return plus < 1 || local.startsWith('"') ? '' : local.slice(plus);
}
