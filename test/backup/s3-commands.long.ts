import { s3Suite } from './s3-suite.ts';

s3Suite('every command on backups, with a bucket of S3', true);
