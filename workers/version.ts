import packageJson from '../package.json' with { type: 'json' };

/** Eider's own version, told by greetings, ID, /health and the command line. */
export const VERSION: string = packageJson.version;
