export { createPop3Server, type Pop3Server, type Pop3ServerParts } from './pop3-server.ts';
export { pop3Section, type Pop3Settings } from './settings.ts';
