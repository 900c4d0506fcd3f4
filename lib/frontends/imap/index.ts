export { createImapFrontEnd, type ImapFrontEnd, type ImapFrontEndParts } from './imap-front-end.ts';
export { imapRenderer } from './render-message.ts';
export { imapSection, type ImapSettings } from './settings.ts';
