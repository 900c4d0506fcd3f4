import { s3Suite } from './s3-suite.ts';

s3Suite('eider backup and restore with a bucket of S3', false);
