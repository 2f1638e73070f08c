// Figures as benchmarks note them.

import type { TestInfo } from "@playwright/test";

export const FIGURE = "figure";

export type Figure = {
  what: string;
  unit: string;
  /** What it has to stay within, where that is agreed on. */
  bar?: string;
  /** One for each round. */
  values: number[];
  /** What else there is to know, such as which work a longest task was. */
  more?: Record<string, unknown>;
};

/** Notes a figure for the table and the file. */
export const note = (info: TestInfo, figure: Figure): Promise<void> =>
  info.attach(FIGURE, { body: JSON.stringify(figure), contentType: "application/json" });
