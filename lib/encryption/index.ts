export { createContentCipher, keyIdOf, SEAL_OCTETS, SealError, type ContentCipher } from './content-cipher.ts';
export { readKeyRing } from './key-ring.ts';
export { encryptionSection } from './settings.ts';
