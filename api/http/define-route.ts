import { z } from 'zod';
import { MailError } from '../../lib/kernel/errors.ts';
import { parseUserId, type UserId } from '../../lib/kernel/ids.ts';
import { maySee, type Access } from './access.ts';
import type { ApiRequest, ContentAnswer, UserRequest } from './api-request.ts';
import { commonInput, userParameter } from './schemas.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

interface RouteDeclaration<Input extends z.ZodRawShape, Output extends z.ZodRawShape> {
  readonly method: Method;
  /** Segments that begin with a colon are parameters. */
  readonly path: string;
  readonly summary: string;
  readonly access: Access;
  readonly input: Input;
  /** What the answer holds beside `success`; for content that is not JSON its media type. */
  readonly output: Output | string;
  /** Listings pass over what they do not know. */
  readonly ignoresUnknown?: true;
  /** Parameters for which an empty text is a value; for others it is as good as not given. */
  readonly takesEmpty?: readonly string[];
  /** Takes a message as its body: raw octets, or JSON as large as a message. */
  readonly takesMessage?: true;
}

type Values<Shape extends z.ZodRawShape> = z.output<z.ZodObject<Shape>>;
type Answer<Output extends z.ZodRawShape> = Promise<z.input<z.ZodObject<Output>> | ContentAnswer>;

interface RouteSpec<Input extends z.ZodRawShape, Output extends z.ZodRawShape> extends RouteDeclaration<Input, Output> {
  readonly handler: (input: Values<Input>, request: ApiRequest) => Answer<Output>;
}

interface UserRouteSpec<Input extends z.ZodRawShape, Output extends z.ZodRawShape> extends RouteDeclaration<
  Input,
  Output
> {
  readonly handler: (input: Values<Input>, request: UserRequest) => Answer<Output>;
}

/** A row of the table: what is declared, and one function that validates before it runs. */
export interface Route extends RouteDeclaration<z.ZodRawShape, z.ZodRawShape> {
  /** True where the path names a user. */
  readonly isAboutUser: boolean;
  /** @throws MailError `invalid-input` before anything is touched */
  readonly prepare: (parameters: ReadonlyMap<string, unknown>) => (request: ApiRequest) => Promise<unknown>;
}

const MAX_DETAILS = 20;
const MAX_FIELD_CHARACTERS = 64;

export function defineRoute<Input extends z.ZodRawShape, Output extends z.ZodRawShape>(
  spec: RouteSpec<Input, Output>,
): Route {
  const { handler, ...declaration } = spec;
  const schema = z.object(spec.input);
  return {
    ...declaration,
    isAboutUser: false,
    prepare: (parameters) => {
      const input = parseInput(schema, parameters, declaration);
      return (request) => handler(input, request);
    },
  };
}

/** As `defineRoute`, for paths that begin with `/users/:user`. */
export function defineUserRoute<Input extends z.ZodRawShape, Output extends z.ZodRawShape>(
  spec: UserRouteSpec<Input, Output>,
): Route {
  const { handler, ...declaration } = spec;
  const schema = z.object(spec.input);
  const shape = { ...declaration.input, user: userParameter() };
  return {
    ...declaration,
    input: shape,
    isAboutUser: true,
    prepare: (parameters) => {
      const input = parseInput(schema, parameters, { ...declaration, input: shape });
      const id = parseInput(z.object({ user: userParameter() }), parameters, { ignoresUnknown: true, input: {} }).user;
      return async (request) => handler(input, { ...request, user: await findUser(request, id) });
    },
  };
}

async function findUser(request: ApiRequest, text: string): Promise<UserRequest['user']> {
  const id = text === 'me' ? ownId(request) : parseUserId(text.toLowerCase());
  const user = id !== undefined && maySee(request.actor, id) ? await request.services.accounts.get(id) : undefined;
  if (user === undefined) throw new MailError('user-not-found', 'This user does not exist');
  return user;
}

function ownId({ actor }: ApiRequest): UserId | undefined {
  return actor.role === 'user' ? actor.user.id : undefined;
}

/** Only declared keys reach the schema, so that a stranger's keys become nobody's properties. */
function parseInput<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  parameters: ReadonlyMap<string, unknown>,
  declaration: Pick<RouteDeclaration<z.ZodRawShape, z.ZodRawShape>, 'ignoresUnknown' | 'input'>,
): Values<Shape> {
  const faults = new Map<string, string>();
  const known: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [key, value] of parameters) {
    if (Object.hasOwn(schema.shape, key)) known[key] = value;
    else if (
      !Object.hasOwn(declaration.input, key) &&
      !Object.hasOwn(commonInput, key) &&
      declaration.ignoresUnknown !== true
    ) {
      addFault(faults, key, 'is not allowed');
    }
  }
  const parsed = schema.safeParse({ ...known });
  for (const issue of parsed.error?.issues ?? []) addFault(faults, issue.path.map(String).join('.'), issue.message);
  const [first] = faults;
  if (first !== undefined) throw new MailError('invalid-input', `${first[0]}: ${first[1]}`, { details: faults });
  if (!parsed.success) throw new MailError('invalid-input', 'The parameters are not valid');
  return parsed.data;
}

function addFault(faults: Map<string, string>, field: string, sentence: string): void {
  if (faults.size < MAX_DETAILS) faults.set(field.slice(0, MAX_FIELD_CHARACTERS), sentence.slice(0, 200));
}
