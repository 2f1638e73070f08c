// Prints the figures that the benchmarks have noted as one table, and keeps them.

import type { FullResult, Reporter, TestCase, TestResult } from "@playwright/test/reporter";

import { FIGURE, type Figure } from "./figures";
import { write } from "./machine";

const number = (value: number) => (Number.isInteger(value) ? String(value) : value.toFixed(value < 1 ? 3 : 1));

export default class Report implements Reporter {
  private readonly figures: Figure[] = [];
  private chromium = "";

  onTestEnd(_: TestCase, result: TestResult): void {
    for (const { name, body } of result.attachments) {
      if (name === FIGURE && body !== undefined) {
        this.figures.push(JSON.parse(body.toString()) as Figure);
      } else if (name === "browser" && body !== undefined) {
        this.chromium = body.toString();
      }
    }
  }

  onEnd({ status }: FullResult): void {
    const lines = this.figures.map(({ what, unit, bar, values }) => {
      const sorted = values.toSorted((one, other) => one - other);
      const cells = [what, unit, bar ?? "", median(sorted), sorted.at(-1) ?? 0, values.length];
      return `| ${cells.map((cell) => (typeof cell === "number" ? number(cell) : cell)).join(" | ")} |`;
    });
    console.log(`\n| figure | unit | bar | median | most | rounds |\n|---|---|---:|---:|---:|---:|\n${lines.join("\n")}`);
    if (status !== "passed" || this.figures.length === 0) {
      console.log("\nnot kept: not everything was measured");
      return;
    }
    const served = process.env.BACKSTAY_UI_DIR === undefined ? "by the program" : "from a folder, packed as the program packs it";
    console.log(`\nwritten to bench/results/${write("dashboard", { browser: this.chromium, dashboard_served: served }, this.figures)}`);
  }
}

function median(sorted: readonly number[]): number {
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.ceil((sorted.length - 1) / 2)]];
  return ((low ?? 0) + (high ?? 0)) / 2;
}
