export { ConfigError, type ConfigProblem } from './config-error.ts';
export { loadConfiguration, type ConfigSources, type Configuration, type ReloadReport } from './configuration.ts';
export { parseDuration, parseSize } from './quantities.ts';
export type { Override } from './read-sources.ts';
export { renderConfiguration, renderDefaults } from './render-configuration.ts';
