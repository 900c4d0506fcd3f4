import type { Certificates } from '../lib/certificates/index.ts';
import { ConfigError } from '../lib/config/index.ts';
import type { Logger, LogLevel } from '../lib/kernel/logger.ts';
import type { LoadedSettings } from './load-settings.ts';
import { serverSection } from './settings.ts';

export interface ReloadParts {
  readonly settings: LoadedSettings;
  readonly certificates: Certificates;
  readonly logger: Logger;
  /** Told once the settings have been read again. */
  readonly listeners: readonly (() => void)[];
}

/** SIGHUP reads settings and certificates again. What is wrong is logged and the old stays in force. */
export function reloadOnHangup(parts: ReloadParts): void {
  let running = Promise.resolve();
  process.on('SIGHUP', () => {
    running = running.then(() => reload(parts));
  });
}

async function reload({ settings, certificates, logger, listeners }: ReloadParts): Promise<void> {
  try {
    const { applied, waiting } = await settings.reload();
    logger.setLevel(settings.configuration.get(serverSection).logLevel as LogLevel);
    for (const listener of listeners) listener();
    logger.info({ applied }, 'settings read again');
    if (waiting.length > 0)
      logger.warn({ settings: waiting }, 'these settings have changed and take effect at the next start');
  } catch (error) {
    const problems = error instanceof ConfigError ? error.problems : [String(error)];
    logger.error({ problems }, 'settings not read again: they have mistakes');
  }
  try {
    await certificates.reload();
    logger.info({}, 'certificates read again');
  } catch (error) {
    logger.error({ err: error }, 'certificates not read again');
  }
}
