import { rowToText, textToRow, type Database } from '../db/index.ts';
import type { UserId } from '../kernel/ids.ts';
import { openAddressesCollection, type AddressRow } from './addresses-collection.ts';

/** Rows of addresses as they are stored, as text, for who keeps them elsewhere. */
export interface AddressTransfer {
  read(user: UserId): Promise<readonly string[]>;
  /**
   * Writes a row as it was. @returns the address where it is another user's by now, undefined where it is this one's
   * @throws RangeError where the text is no row
   */
  write(text: string): Promise<string | undefined>;
}

export function createAddressTransfer(database: Database): AddressTransfer {
  const rows = openAddressesCollection(database);
  return {
    read: async (user) => (await rows.findOf(user)).map(rowToText),
    write: async (text) => {
      const row = toAddressRow(text);
      if (await rows.insert(row)) return undefined;
      return (await rows.findByView(row._id))?.user === row.user ? undefined : row.address;
    },
  };
}

function toAddressRow(text: string): AddressRow {
  const row = textToRow(text);
  if (row['v'] !== 1 || typeof row['_id'] !== 'string' || typeof row['user'] !== 'string')
    throw new RangeError('not the row of an address of a version that is known here');
  return row as unknown as AddressRow;
}
