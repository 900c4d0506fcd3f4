export { createCertificates, type Certificates } from './certificates.ts';
export { createSelfSignedCertificate } from './self-signed-certificate.ts';
export { tlsSection } from './settings.ts';
