import type { UserChange } from '../../../lib/accounts/index.ts';
import { MailError } from '../../../lib/kernel/errors.ts';
import { missingPrivileges, OWN_USER_FIELDS } from '../../http/access.ts';
import type { UserRequest } from '../../http/api-request.ts';
import { defineUserRoute } from '../../http/define-route.ts';
import { inputError } from '../../http/input-error.ts';
import { flag, text } from '../../http/schemas.ts';
import { password, userInput } from './user-fields.ts';

export const updateUser = defineUserRoute({
  method: 'PUT',
  path: '/users/:user',
  summary: 'Change a user; what is not named stays as it is',
  access: { resource: 'users', action: 'update' },
  input: {
    ...userInput,
    password: password.optional(),
    existingPassword: text(256).optional(),
    allowUnsafe: flag().optional(),
    hashedPassword: flag().optional(),
    disabled: flag().optional(),
    suspended: flag().optional(),
  },
  output: {},
  handler: async ({ existingPassword, allowUnsafe, hashedPassword, ...input }, request) => {
    if (allowUnsafe === false)
      throw inputError('allowUnsafe', 'cannot be false: passwords are not checked against breaches');
    if (hashedPassword === true)
      throw inputError('hashedPassword', 'cannot be true: passwords are taken as they are typed');
    const { actor, services, user } = request;
    if (actor.role === 'user') {
      const isAllowed = Object.entries(input).every(
        ([field, value]) => value === undefined || OWN_USER_FIELDS.has(field),
      );
      if (!isAllowed) throw missingPrivileges();
      if (input.password !== undefined && existingPassword === undefined)
        throw inputError('existingPassword', 'is required');
    }
    if (existingPassword !== undefined) await verify(request, existingPassword);
    const change: UserChange = {
      ...(input.name !== undefined && { name: input.name }),
      ...(input.language !== undefined && { language: input.language }),
      ...(input.quota !== undefined && { quotaOctets: input.quota }),
      ...(input.tags !== undefined && { tags: input.tags }),
      ...(input.disabledScopes !== undefined && { disabledScopes: input.disabledScopes }),
      ...(input.metaData !== undefined && { metaData: input.metaData }),
      ...(input.internalData !== undefined && { internalData: input.internalData }),
      ...(input.disabled !== undefined && { isDisabled: input.disabled }),
      ...(input.suspended !== undefined && { isSuspended: input.suspended }),
      ...(input.password !== undefined && { password: input.password === false ? '' : input.password }),
    };
    if (Object.keys(change).length === 0) throw new MailError('invalid-input', 'Nothing was changed');
    await services.accounts.update(user.id, change);
    if (change.password !== undefined || change.isSuspended === true) await services.tokens.revokeAllOf(user.id);
    return {};
  },
});

async function verify({ services, user, remoteAddress }: UserRequest, existingPassword: string): Promise<void> {
  const attempt = {
    username: user.username,
    password: existingPassword,
    scope: 'master',
    protocol: 'API',
    remoteAddress,
  } as const;
  try {
    await services.auth.login(attempt);
  } catch (error) {
    // A disabled account's password may be changed too; that it is disabled is only told to who knows the password.
    if (!(error instanceof MailError) || error.code !== 'account-disabled') throw error;
  }
}
