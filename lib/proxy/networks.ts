import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Addresses that belong together. */
export interface Networks {
  readonly isEmpty: boolean;
  has(address: string): boolean;
}

/**
 * @param list addresses and networks such as `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`
 * @throws RangeError that names the one which is none
 */
export function createNetworks(list: readonly string[]): Networks {
  const blocks = new BlockList();
  for (const text of list) {
    const [address = '', prefix, ...more] = text.split('/');
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) && !address.includes('%') ? 'ipv6' : undefined;
    const longest = family === 'ipv4' ? 32 : 128;
    const length = prefix === undefined ? longest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Infinity;
    if (family === undefined || length > longest || more.length > 0) {
      throw new RangeError(`${JSON.stringify(text)} is no network: write 10.0.0.0/8, 2001:db8::/32 or one address`);
    }
    blocks.addSubnet(address, length, family);
  }
  return {
    isEmpty: list.length === 0,
    has: (address) => {
      const plain = address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
      if (isIPv4(plain)) return blocks.check(plain, 'ipv4');
      return isIPv6(plain) && blocks.check(plain, 'ipv6');
    },
  };
}
