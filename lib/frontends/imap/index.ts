export { imapRenderer } from './render-message.ts';
