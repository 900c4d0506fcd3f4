export { createLmtpServer, type LmtpServer, type LmtpServerParts } from './lmtp-server.ts';
export { lmtpSection, type LmtpSettings } from './settings.ts';
