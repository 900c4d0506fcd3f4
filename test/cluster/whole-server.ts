import { startInProcess, type InProcessServer } from '../support/in-process-server.ts';

/** Every front end and room in this process, on the database that a cluster shows. */
export type WholeServer = InProcessServer;

export function startWholeServer(uri: string, name = 'eider'): Promise<WholeServer> {
  return startInProcess(undefined, { EIDER_DATABASE_URI: uri, EIDER_DATABASE_NAME: name });
}
