/** Takes what a bench has found out. */
export interface Report {
  /** One finding, as a line for people. */
  line(text: string): void;
}

/** What a file `test/bench/NAME.bench.ts` exports as `bench`; `npm run bench NAME` runs it. */
export interface Bench {
  /** What is measured, and in comparison with what. */
  readonly title: string;
  /** @throws where what should be measured does not work; a figure that is too high is no failure but a line */
  run(report: Report): Promise<void>;
}
