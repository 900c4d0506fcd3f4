import { readFile } from 'node:fs/promises';
import { tlsSection } from '../lib/certificates/index.ts';
import { ConfigError, type ConfigProblem, type Configuration } from '../lib/config/index.ts';
import { createNetworks, proxySection } from '../lib/proxy/index.ts';
import { parseRedisAddress, redisSection } from '../lib/redis/index.ts';
import { parseListenAddress } from './listen-address.ts';
import { rolesOf } from './roles.ts';
import { listenSection, type ListenSettings } from './settings.ts';

/**
 * What no single setting can say about itself: addresses that are none, files that cannot be read, one of two that
 * belong together. @throws ConfigError
 */
export async function checkSettings(configuration: Configuration): Promise<void> {
  const problems: ConfigProblem[] = [...listenProblems(configuration.get(listenSection))];
  try {
    rolesOf(configuration);
  } catch (error) {
    problems.push({ where: 'server.roles', message: error instanceof Error ? error.message : String(error) });
  }
  const proxy = configuration.get(proxySection);
  try {
    createNetworks(proxy.trustedNetworks);
  } catch (error) {
    problems.push({ where: 'proxy.trusted-networks', message: error instanceof Error ? error.message : String(error) });
  }
  for (const name of proxy.listeners) {
    if (name === 'api' || (name !== 'health' && Object.hasOwn(configuration.get(listenSection), name))) continue;
    problems.push({ where: 'proxy.listeners', message: `there is no listener ${JSON.stringify(name)}` });
  }
  const { uri } = configuration.get(redisSection);
  const address = uri === '' ? undefined : parseRedisAddress(uri);
  if (typeof address === 'string') problems.push({ where: 'redis.uri', message: address });
  const { certificateFile, privateKeyFile } = configuration.get(tlsSection);
  if ((certificateFile === '') !== (privateKeyFile === '')) {
    problems.push({
      where: 'tls',
      message: 'certificate-file and private-key-file belong together: give both or neither',
    });
  }
  for (const file of [certificateFile, privateKeyFile]) {
    if (file === '') continue;
    await readFile(file).catch((error: unknown) => {
      problems.push({ where: 'tls', message: error instanceof Error ? error.message : String(error) });
    });
  }
  if (problems.length > 0) throw new ConfigError(problems);
}

function* listenProblems(settings: ListenSettings): Iterable<ConfigProblem> {
  for (const [name, text] of Object.entries(settings)) {
    if (text === '' || parseListenAddress(text) !== undefined) continue;
    yield { where: `listen.${name}`, message: `${JSON.stringify(text)} is no address: write HOST:PORT or [IPV6]:PORT` };
  }
}
