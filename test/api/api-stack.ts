import { apiSection, createApiServer, type ApiServerOptions } from '../../api/index.ts';
import {
  authSection,
  createAccessTokens,
  createAuth,
  createMemoryLoginLimiter,
  prepareAccessTokens,
} from '../../lib/auth/index.ts';
import { listJobs } from '../../lib/jobs/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { defaultsOf } from '../../lib/kernel/section.ts';
import { createNodes } from '../../lib/nodes/index.ts';
import { openRooms, type Rooms } from '../accounts/rooms.ts';
import { ApiClient, type ApiAnswer } from '../support/api-client.ts';

export const ROOT_TOKEN = 'root-token-of-the-test';

/** The API over real HTTP on real rooms. */
export interface ApiStack {
  readonly rooms: Rooms;
  readonly port: number;
  readonly url: string;
  readonly root: ApiClient;
  /** A client without a token, or with another. */
  readonly as: (token: string) => ApiClient;
  /** A user with an access token of its own. */
  readonly newUser: (username: string) => Promise<{
    readonly id: string;
    readonly token: string;
    readonly client: ApiClient;
    readonly inbox: string;
  }>;
  readonly close: () => Promise<void>;
}

export async function openApi(replaced: Partial<ApiServerOptions> = {}): Promise<ApiStack> {
  const rooms = await openRooms();
  const { database, accounts, clock } = rooms;
  const limits = defaultsOf(authSection);
  await prepareAccessTokens(database);
  const server = createApiServer({
    ...rooms,
    auth: createAuth({ accounts, limiter: createMemoryLoginLimiter({ limits, clock, slowMs: 1 }), clock }),
    tokens: createAccessTokens({ database, accounts, clock, settings: limits }),
    isRootToken: (token) => token === ROOT_TOKEN,
    nodes: createNodes({ database, clock }),
    listJobs: () => listJobs({ database, clock }),
    logger: silentLogger,
    settings: defaultsOf(apiSection),
    version: '1.2.3',
    ...replaced,
  });
  const { port } = await server.listen('127.0.0.1', 0);
  const url = `${replaced.tls === undefined ? 'http' : 'https'}://127.0.0.1:${String(port)}`;
  const as = (token: string): ApiClient => new ApiClient(url, token);
  const root = as(ROOT_TOKEN);
  return {
    rooms,
    port,
    url,
    root,
    as,
    newUser: async (username) => {
      const id = await root.createUser(username, 'secret');
      const { body } = await root.ok('POST', '/authenticate', { username, password: 'secret', token: true });
      const token = String(body['token']);
      return { id, token, client: as(token), inbox: await root.mailboxId(id, 'INBOX') };
    },
    close: async () => {
      await server.close(1000);
      await rooms.close();
    },
  };
}

/** What a client sees of a refusal. */
export function refusal({ status, body }: ApiAnswer): readonly unknown[] {
  return [status, body['code']];
}
