import type { AttachmentId } from '../kernel/ids.ts';
import type { AttachmentCollection } from './attachment-collection.ts';
import type { AttachmentFileCollection } from './attachment-file-collection.ts';

/**
 * Removes a file that lost to another one. A write that was tried twice may find its own first try in its way, so that
 * it seems to have lost: whose file the row names tells.
 * @returns whether the row names the file, which is kept then
 */
export async function deleteUnlessNamed(
  { rows, files }: { readonly rows: AttachmentCollection; readonly files: AttachmentFileCollection },
  id: AttachmentId,
  file: Buffer,
): Promise<boolean> {
  const [row] = await rows.find([id]);
  const isNamed = row?.file.equals(file) === true;
  if (!isNamed) await files.delete(file);
  return isNamed;
}
