export { createCertificates, type Certificates, type CertificatesOptions } from './certificates.ts';
export {
  createSelfSignedCertificate,
  type KeyAndCertificate,
  type SelfSignedOptions,
} from './self-signed-certificate.ts';
export { tlsSection } from './settings.ts';
