/**
 * The address that deliveries are told apart by: the owner's spelling in lower case and NFC, with the subaddress
 * (`+label`) that the recipient was written with.
 * @param owned the address as its owner has it
 * @param written the recipient as the client wrote it
 */
export function deliveryAddressOf(owned: string, written: string): string {
  const address = owned.normalize('NFC').toLowerCase();
  const label = labelOf(withoutNeedlessQuotes(written).normalize('NFC').toLowerCase());
  const at = address.lastIndexOf('@');
  if (label === '' || at < 0) return address;
  const local = address.slice(0, at);
  // An address that its owner holds with the label in it needs no second one.
  return local.endsWith(label) ? address : `${local}${label}${address.slice(at)}`;
}

/** From the first `+` of the local part on. */
function labelOf(address: string): string {
  const at = address.lastIndexOf('@');
  const local = at < 0 ? address : address.slice(0, at);
  const plus = local.indexOf('+');
  return plus < 1 ? '' : local.slice(plus);
}

/**
 * The address without quotes around its local part where they are not needed (RFC 5321 section 4.1.2: `"user"@…` and
 * `user@…` are the same).
 */
export function withoutNeedlessQuotes(address: string): string {
  const match = /^"((?:[^"\\]|\\.)*)"(@.*)?$/s.exec(address);
  const local = match?.[1]?.replace(/\\(.)/gs, '$1');
  if (local === undefined || local === '' || /[\s"(),:;<>@[\\\]]/.test(local)) return address;
  return local + (match?.[2] ?? '');
}
