import MailComposer, { type MailComposerAttachment } from 'nodemailer/lib/mail-composer';
import { z } from 'zod';
import type { UserRequest } from '../../http/api-request.ts';
import { text } from '../../http/schemas.ts';

const MAX_RECIPIENTS = 1000;
const MAX_HEADERS = 100;
const MAX_ATTACHMENTS = 100;

/** What composing decides itself; a field of these by hand would contradict the body. */
const OWN_FIELDS = /^(?:content-|mime-version$|from$|to$|cc$|bcc$|subject$|date$)/i;

const mailAddress = z.strictObject({ name: text(255).default(''), address: text(1024) });
const recipients = z.array(mailAddress).max(MAX_RECIPIENTS).optional();

/** The parts of a message that are put together here. */
export const composeInput = {
  from: mailAddress.optional(),
  replyTo: mailAddress.optional(),
  to: recipients,
  cc: recipients,
  bcc: recipients,
  subject: text(2048).optional(),
  text: text(1024 * 1024).optional(),
  html: text(1024 * 1024).optional(),
  headers: z
    .array(
      z.strictObject({
        key: z.string().regex(/^[!-9;-~]{1,255}$/, 'is not a field name'),
        value: text(100 * 1024),
      }),
    )
    .max(MAX_HEADERS)
    .optional(),
  attachments: z
    .array(
      z.strictObject({
        filename: text(255).optional(),
        contentType: z
          .string()
          .regex(/^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}$/, 'is not a media type')
          .optional(),
        encoding: z.enum(['base64', 'utf8', 'hex']).default('base64'),
        contentTransferEncoding: z.enum(['base64', 'quoted-printable']).optional(),
        content: z.string(),
        cid: text(255).optional(),
        contentDisposition: z.enum(['inline', 'attachment']).optional(),
      }),
    )
    .max(MAX_ATTACHMENTS)
    .optional(),
};

type ComposeFields = z.output<z.ZodObject<typeof composeInput>>;
type MailAddress = z.output<typeof mailAddress>;

export function hasComposeFields(fields: ComposeFields): boolean {
  return Object.keys(composeInput).some((key) => fields[key as keyof ComposeFields] !== undefined);
}

/** A message put together from its fields, CRLF line ends. Nothing is fetched: content is what the request holds. */
export async function composeMessage(
  fields: ComposeFields,
  options: { readonly at: number; readonly isDraft: boolean },
  request: UserRequest,
): Promise<AsyncIterable<Buffer>> {
  const { replyTo, subject, text: plain, html } = fields;
  const composer = new MailComposer({
    from: await senderOf(fields.from, options.isDraft, request),
    to: usable(fields.to),
    cc: usable(fields.cc),
    bcc: usable(fields.bcc),
    date: new Date(options.at),
    headers: (fields.headers ?? [])
      .filter(({ key }) => !OWN_FIELDS.test(key))
      .map(({ key, value }) => ({ key, value: oneLine(value) })),
    attachments: (fields.attachments ?? []).map(toAttachment),
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(replyTo !== undefined && { replyTo: usable([replyTo]) }),
    ...(subject !== undefined && { subject: oneLine(subject) }),
    ...(plain !== undefined && { text: plain }),
    ...(html !== undefined && { html }),
  });
  const message = composer.compile();
  // It is the sender's own copy.
  message.keepBcc = true;
  return message.createReadStream() as AsyncIterable<Buffer>;
}

/** The account's main address where none is given; in a draft also in the place of somebody else's. */
async function senderOf(
  from: MailAddress | undefined,
  isDraft: boolean,
  { services, user }: UserRequest,
): Promise<MailAddress> {
  const own = { name: oneLine(from?.name ?? user.name), address: user.address };
  if (from === undefined || !isUsable(from)) return own;
  if (isDraft && (await services.addresses.resolve(from.address))?.user !== user.id) return own;
  return { name: oneLine(from.name), address: from.address };
}

function isUsable({ address }: MailAddress): boolean {
  return /^[^\s\p{C}<>"(),:;\\[\]@]+@[^\s\p{C}<>"(),:;\\@]+$/u.test(address);
}

/** What is no address is left out, as clients are used to. */
function usable(list: readonly MailAddress[] | undefined): MailAddress[] {
  return (list ?? []).filter(isUsable).map(({ name, address }) => ({ name: oneLine(name), address }));
}

function oneLine(value: string): string {
  return value.replace(/[\r\n\0]+/g, ' ');
}

function toAttachment(part: NonNullable<ComposeFields['attachments']>[number]): MailComposerAttachment {
  const { filename, contentType, contentTransferEncoding, contentDisposition, cid } = part;
  return {
    content: Buffer.from(part.content, part.encoding),
    ...(filename !== undefined && { filename: oneLine(filename) }),
    ...(contentType !== undefined && { contentType }),
    ...(contentTransferEncoding !== undefined && { contentTransferEncoding }),
    ...(contentDisposition !== undefined && { contentDisposition }),
    ...(cid !== undefined && { cid: oneLine(cid) }),
  };
}
