import { z } from 'zod';
import { defineRoute } from '../../http/define-route.ts';
import { inputError } from '../../http/input-error.ts';
import { flag, text } from '../../http/schemas.ts';
import { password, userInput } from './user-fields.ts';

export const createUser = defineRoute({
  method: 'POST',
  path: '/users',
  summary: 'Create a user with INBOX, Sent, Drafts, Junk and Trash',
  access: { resource: 'users', action: 'create' },
  takesEmpty: ['password'],
  input: {
    ...userInput,
    username: text(128),
    password,
    address: text(320).optional(),
    emptyAddress: flag().default(false),
    addTagsToAddress: flag().default(false),
    /** There is no list of breached passwords to hold one against. */
    allowUnsafe: flag().default(true),
    hashedPassword: flag().default(false),
  },
  output: { id: z.string() },
  handler: async (input, { services }) => {
    if (!input.allowUnsafe)
      throw inputError('allowUnsafe', 'cannot be false: passwords are not checked against breaches');
    if (input.hashedPassword)
      throw inputError('hashedPassword', 'cannot be true: passwords are taken as they are typed');
    const {
      username,
      address,
      emptyAddress,
      quota,
      addTagsToAddress,
      name,
      language,
      tags,
      disabledScopes,
      metaData,
      internalData,
    } = input;
    const user = await services.accounts.create({
      username,
      password: input.password === false || input.password === '' ? undefined : input.password,
      addTagsToAddress,
      ...(emptyAddress ? { address: '' } : address !== undefined && { address }),
      ...(quota !== undefined && { quotaOctets: quota }),
      ...(name !== undefined && { name }),
      ...(language !== undefined && { language }),
      ...(tags !== undefined && { tags }),
      ...(disabledScopes !== undefined && { disabledScopes }),
      ...(metaData !== undefined && { metaData }),
      ...(internalData !== undefined && { internalData }),
    });
    return { id: user.id };
  },
});
