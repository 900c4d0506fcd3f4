/** Everything that is wrong with the configuration, told at once rather than one start at a time. */
export interface ConfigProblem {
  /** `eider.toml:12`, `EIDER_LMTP_MAX_RECIPIENTS` or `--set`. */
  readonly where: string;
  readonly message: string;
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(({ where, message }) => `${where}: ${message}`).join('\n'));
    this.problems = problems;
  }
}
