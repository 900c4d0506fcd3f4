import { defineSection } from '../kernel/section.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

export const authSection = defineSection({
  name: 'auth',
  doc: 'How log-ins are verified and failed ones slowed down.',
  settings: {
    failureWindow: {
      type: 'duration',
      default: 2 * MINUTE_MS,
      min: 1000,
      doc: 'The time in which a full measure of failures is forgotten, evenly: after 12 failures in 2 minutes another try is due every 10 seconds.',
    },
    failuresPerLogin: {
      type: 'integer',
      default: 12,
      min: 1,
      doc: 'Failures of one remote address for one user within the window before it is refused.',
    },
    failuresPerRemote: {
      type: 'integer',
      default: 60,
      min: 1,
      doc: 'Failures of one remote address for whatever users; higher, for many people may share an address.',
    },
    failuresPerUser: {
      type: 'integer',
      default: 60,
      min: 1,
      doc: 'Failures for one user from whatever addresses; past it, strangers wait but nobody is locked out.',
    },
    tokenLifetime: {
      type: 'duration',
      default: 14 * DAY_MS,
      min: MINUTE_MS,
      doc: 'An access token that is not used for so long is void.',
    },
    tokenMaxAge: {
      type: 'duration',
      default: 180 * DAY_MS,
      min: MINUTE_MS,
      doc: 'No access token gets older, however much it is used.',
    },
  },
});
