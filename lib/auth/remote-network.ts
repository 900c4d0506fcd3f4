import { isIPv4, isIPv6 } from 'node:net';

/**
 * Whom failures of a remote address are counted against: an IPv4 address, or the /64 of an IPv6 address, for a
 * single host commands all of its 64 bits. Anything else counts as one.
 */
export function remoteNetwork(remoteAddress: string): string {
  const address = remoteAddress.toLowerCase().split('%')[0] ?? '';
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return '';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  const [head = '', tail] = address.split('::');
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  const zeros = tail === undefined ? 0 : 8 - first.length - last.length;
  const all = [...first, ...Array.from({ length: Math.max(zeros, 0) }, () => '0'), ...last];
  return `${all.slice(0, 4).join(':')}::/64`;
}

/** An embedded IPv4 tail counts as the two groups that it is; their values do not matter beyond the /64. */
function groups(text: string): string[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => (group.includes('.') ? ['0', '0'] : [group.replace(/^0+(?=.)/, '')]));
}
