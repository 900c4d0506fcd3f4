import { z } from 'zod';
import type { User } from '../../../lib/accounts/index.ts';
import { MailError } from '../../../lib/kernel/errors.ts';
import type { ApiServices } from '../../http/api-request.ts';
import { data, onlyFalse, onlyNumber, tags, text, whole } from '../../http/schemas.ts';

const SCOPES = ['imap', 'pop3', 'smtp'] as const;
/** 8 EiB would be past what numbers hold exactly. */
const MAX_QUOTA_OCTETS = Number.MAX_SAFE_INTEGER;

/** `false` is none, as is '' where a user is made; where one is changed, '' is as good as not given. */
export const password = z.union([z.literal(false), text(256)]);

/** What may be said when a user is made, and later. */
export const userInput = {
  name: text(256).optional(),
  language: z
    .string()
    .max(20)
    .regex(/^[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*$/, 'is not a language tag')
    .optional(),
  /** Octets; 0 is the server's default. */
  quota: whole(0, MAX_QUOTA_OCTETS).optional(),
  tags: tags().optional(),
  disabledScopes: z.array(z.enum(SCOPES)).max(SCOPES.length).optional(),
  metaData: data().optional(),
  internalData: data().optional(),
  ...notServed(),
};

/** What clients of the original send along, whether or not they want something of it. */
function notServed() {
  const nothing = z.array(z.unknown()).max(0, 'cannot hold anything: it is not served yet').optional();
  return {
    spamLevel: onlyNumber(50),
    targets: nothing,
    fromWhitelist: nothing,
    uploadSentMessages: onlyFalse(),
    requirePasswordChange: onlyFalse(),
    require2faEnabled: onlyFalse(),
    encryptMessages: onlyFalse(),
    encryptForwarded: onlyFalse(),
    retention: onlyNumber(0),
    // 0 is the server's default.
    recipients: onlyNumber(0),
    forwards: onlyNumber(0),
    filters: onlyNumber(0),
    receivedMax: onlyNumber(0),
    imapMaxUpload: onlyNumber(0),
    imapMaxDownload: onlyNumber(0),
    imapMaxConnections: onlyNumber(0),
    pop3MaxDownload: onlyNumber(0),
    pop3MaxMessages: onlyNumber(0),
  };
}

export const quotaOutput = z.object({ allowed: z.number(), used: z.number() });

export const userSummaryOutput = {
  id: z.string(),
  username: z.string(),
  name: z.string(),
  address: z.string(),
  tags: z.array(z.string()),
  targets: z.array(z.string()),
  enabled2fa: z.array(z.string()),
  autoreply: z.boolean(),
  encryptMessages: z.boolean(),
  encryptForwarded: z.boolean(),
  hasPasswordSet: z.boolean(),
  activated: z.boolean(),
  disabled: z.boolean(),
  suspended: z.boolean(),
};

/** What lists and single answers share. */
export function toUserSummary(user: User) {
  return {
    id: user.id,
    username: user.username,
    name: user.name,
    address: user.address,
    tags: [...user.tags],
    targets: [],
    enabled2fa: [],
    autoreply: false,
    encryptMessages: false,
    encryptForwarded: false,
    hasPasswordSet: user.hasPassword,
    activated: !user.isDisabled,
    disabled: user.isDisabled,
    suspended: user.isSuspended,
  };
}

/** What a user may store and does; 0 of an account that is being removed at this moment. */
export async function readQuota(
  services: ApiServices,
  user: User,
): Promise<{ readonly allowed: number; readonly used: number }> {
  try {
    const { octets, quotaOctets } = await services.mailboxes.usage(user.account);
    return { allowed: quotaOctets, used: octets };
  } catch (error) {
    if (error instanceof MailError && error.code === 'user-not-found') return { allowed: user.quotaOctets, used: 0 };
    throw error;
  }
}
