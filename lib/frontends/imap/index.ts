export { createImapFrontEnd } from './imap-front-end.ts';
export { imapRenderer } from './render-message.ts';
export { imapSection } from './settings.ts';
