/** Content that is compressed already: trying costs a millisecond per attachment and gains nothing. */
const COMPRESSED_TYPES = new Set([
  'application/gzip',
  'application/java-archive',
  'application/vnd.rar',
  'application/x-7z-compressed',
  'application/x-bzip2',
  'application/x-gzip',
  'application/x-rar-compressed',
  'application/x-xz',
  'application/x-zip-compressed',
  'application/zip',
  'application/zstd',
  'image/avif',
  'image/gif',
  'image/heic',
  'image/heif',
  'image/jpeg',
  'image/jpg',
  'image/png',
  'image/webp',
]);

/** Audio and video are compressed, but for these. */
const PLAIN_MEDIA = new Set(['audio/midi', 'audio/wav', 'audio/x-wav', 'audio/basic', 'audio/l16']);

/** What compression must save to be worth undoing at every read. */
const WORTHWHILE = 0.9;

/** False where the type alone says that compression does not pay. */
export function mayCompress(type: string): boolean {
  if (COMPRESSED_TYPES.has(type)) return false;
  if (type.startsWith('application/vnd.openxmlformats-') || type.startsWith('application/vnd.oasis.')) return false;
  if (type.startsWith('audio/') || type.startsWith('video/')) return PLAIN_MEDIA.has(type);
  return true;
}

/** What a sample says: its octets before and after. */
export function isWorthwhile(plain: number, compressed: number): boolean {
  return compressed <= plain * WORTHWHILE;
}
