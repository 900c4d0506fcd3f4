export { createLmtpServer, type LmtpServer } from './lmtp-server.ts';
export { lmtpSection, type LmtpSettings } from './settings.ts';
