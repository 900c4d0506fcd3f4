export { jobCollections } from './collections.ts';
export { defineJob, type Job } from './job.ts';
export { listJobs, type JobStatus } from './jobs.ts';
export { createJobRunner, type JobRunner } from './run-jobs.ts';
export { jobsSection } from './settings.ts';
