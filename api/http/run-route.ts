import type { LogFields, Logger } from '../../lib/kernel/logger.ts';
import { MailError, toMailError } from '../../lib/kernel/errors.ts';
import { requirePrivilege, type Actor } from './access.ts';
import { ContentAnswer, type ApiServices } from './api-request.ts';
import type { Route } from './define-route.ts';
import { JsonGuard } from './json-guard.ts';
import { parseJson, toEntries } from './json-input.ts';
import {
  BodyBudget,
  hasBody,
  invite,
  mediaType,
  octetsOf,
  readText,
  refuseAnnounced,
  refuseEncoded,
} from './request-body.ts';
import { mergeParameters, toFormEntries } from './request-parameters.ts';
import { sendContent, sendError, sendJson } from './send-answer.ts';
import type { Exchange, ExchangeHandler } from './server.ts';
import { UserShares } from './user-shares.ts';

export interface RunnerOptions {
  readonly services: ApiServices;
  readonly isRootToken: (token: string) => boolean;
  readonly logger: Logger;
  /** Octets of a body that is not a message. */
  readonly maxBodyOctets: number;
  /** Requests of one user at once. */
  readonly maxUserRequests: number;
  /** Whether `?accessToken=` counts; addresses with tokens end up in logs and histories. */
  readonly acceptsTokenInQuery: boolean;
}

/** What a message upload may take beyond the message, for its other parameters and JSON's escapes. */
const UPLOAD_SLACK_OCTETS = 2 * 1024 * 1024;

interface ReadBody {
  readonly entries: ReadonlyMap<string, unknown>;
  /** A message that is still to be read. */
  readonly isContent: boolean;
  readonly release: () => void;
}

const NO_BODY: ReadBody = { entries: new Map(), isContent: false, release: () => undefined };

/** Makes of each row of the table what the server calls: token, privilege, input, handler, answer. */
export function createRunner(options: RunnerOptions): (route: Route) => ExchangeHandler {
  const budget = new BodyBudget();
  const shares = new UserShares(options.maxUserRequests);
  return (route) => async (exchange) => {
    const start = options.services.clock.monotonic();
    const asked = new Map<string, unknown>();
    let failure: MailError | undefined;
    try {
      await run(options, { budget, shares }, route, exchange, asked);
    } catch (error) {
      if (exchange.response.destroyed) {
        options.logger.debug(
          { method: route.method, route: route.path, err: error },
          'API client left before its answer',
        );
        return;
      }
      failure = toMailError(error);
      if (exchange.response.headersSent) exchange.response.destroy();
      else await sendError(exchange, failure);
    }
    const ms = Math.round(options.services.clock.monotonic() - start);
    report(options, route, exchange, { ms, ...callerFields(asked) }, failure);
  };
}

/** @param asked receives the parameters, for the log, as soon as they are known */
async function run(
  options: RunnerOptions,
  { budget, shares }: { readonly budget: BodyBudget; readonly shares: UserShares },
  route: Route,
  exchange: Exchange,
  asked: Map<string, unknown>,
): Promise<void> {
  const query = toFormEntries(exchange.request.url?.split('?').slice(1).join('?') ?? '');
  const actor = await authenticate(options, exchange, query);
  requirePrivilege(actor, route.access, route.isAboutUser);
  const leave = actor.role === 'user' ? shares.enter(actor.user.id) : undefined;
  try {
    await answer(options, budget, route, exchange, { actor, query, asked });
  } finally {
    leave?.();
  }
}

interface Asked {
  readonly actor: Actor;
  readonly query: ReadonlyMap<string, unknown>;
  readonly asked: Map<string, unknown>;
}

async function answer(
  options: RunnerOptions,
  budget: BodyBudget,
  route: Route,
  exchange: Exchange,
  { actor, query, asked }: Asked,
): Promise<void> {
  const { request, response } = exchange;
  const body = await readBody(options, budget, route, exchange);
  try {
    const parameters = mergeParameters({ path: exchange.parameters, query, body: body.entries }, route.takesEmpty);
    for (const name of ['sess', 'ip']) asked.set(name, parameters.get(name));
    const handle = route.prepare(parameters);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    if (body.isContent) invite(request, response);
    const result = await handle({
      services: options.services,
      actor,
      remoteAddress: remoteAddress(actor, exchange, parameters),
      signal: gone.signal,
      content: body.isContent ? octetsOf(request) : undefined,
    });
    if (result instanceof ContentAnswer) await sendContent(response, result);
    else await sendJson(exchange, 200, { success: true, ...(result as object) });
  } finally {
    body.release();
  }
}

async function authenticate(
  options: RunnerOptions,
  { request }: Exchange,
  query: ReadonlyMap<string, unknown>,
): Promise<Actor> {
  const token = readToken(request.headers, options.acceptsTokenInQuery ? query.get('accessToken') : undefined);
  if (token !== undefined && options.isRootToken(token)) return { role: 'root' };
  const user = token === undefined ? undefined : await options.services.tokens.verify(token.toLowerCase());
  if (token === undefined || user === undefined) throw new MailError('invalid-token', 'Invalid accessToken value');
  return { role: 'user', user, token: token.toLowerCase() };
}

function readToken(headers: Exchange['request']['headers'], inQuery: unknown): string | undefined {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  const own = headers['x-access-token'];
  const token = bearer ?? (typeof own === 'string' ? own : undefined) ?? inQuery;
  return typeof token === 'string' && token !== '' ? token : undefined;
}

async function readBody(
  options: RunnerOptions,
  budget: BodyBudget,
  route: Route,
  { request, response }: Exchange,
): Promise<ReadBody> {
  if (!hasBody(request)) return NO_BODY;
  refuseEncoded(request);
  const type = mediaType(request);
  const isJson = type === 'application/json' || type.endsWith('+json');
  const isForm = type === 'application/x-www-form-urlencoded';
  const takesMessage = route.takesMessage === true;
  const maxOctets =
    takesMessage && isJson ? options.services.maxMessageOctets + UPLOAD_SLACK_OCTETS : options.maxBodyOctets;
  if (takesMessage && !isJson && !isForm) {
    refuseAnnounced(request, options.services.maxMessageOctets);
    return { ...NO_BODY, isContent: true };
  }
  refuseAnnounced(request, maxOctets);
  if (!isJson && !isForm)
    throw new MailError('invalid-input', 'The body is neither JSON (Content-Type: application/json) nor a form');
  invite(request, response);
  const guard = new JsonGuard();
  const { text, release } = await readText(request, maxOctets, budget, (octets) => {
    if (isJson) guard.write(octets);
  });
  try {
    return {
      entries: isForm ? toFormEntries(text) : toEntries(parseJson(text === '' ? '{}' : text)),
      isContent: false,
      release,
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** Root speaks for webmails and says for whom; a user's word for the own address counts for nothing. */
function remoteAddress(actor: Actor, exchange: Exchange, parameters: ReadonlyMap<string, unknown>): string {
  const ip = parameters.get('ip');
  return actor.role === 'root' && typeof ip === 'string' ? ip : exchange.remoteAddress;
}

/** What every operation may say of its caller, for the log. */
function callerFields(asked: ReadonlyMap<string, unknown>): LogFields {
  const fields = [...asked].flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value.slice(0, 255)] as const] : [],
  );
  return Object.fromEntries(fields);
}

/** The path as declared, never as asked: that may hold addresses and tokens. */
function report(
  { logger }: RunnerOptions,
  route: Route,
  { response, remoteAddress }: Exchange,
  more: LogFields,
  failure: MailError | undefined,
): void {
  const fields = {
    method: route.method,
    route: route.path,
    status: response.statusCode,
    remoteAddress,
    ...more,
  };
  if (failure === undefined) logger.debug(fields, 'API request');
  else if (failure.code === 'internal')
    logger.error({ ...fields, code: failure.code, err: failure.cause ?? failure }, 'API request failed');
  else
    logger.info(
      { ...fields, code: failure.code, ...(failure.cause !== undefined && { err: failure.cause }) },
      'API request refused',
    );
}
