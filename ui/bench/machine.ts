// What it was measured on, and where figures are kept: the same as for the benchmarks of the crates.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";

const RESULTS = resolve(import.meta.dirname, "../../bench/results");

function field(path: string, name: string): string {
  const line = readFileSync(path, "utf8").split("\n").find((line) => line.startsWith(name));
  return line?.slice(line.indexOf(":") + 1).trim() ?? "";
}

/** Writes figures to a new file of today; gives its name. */
export function write(what: string, about: Record<string, unknown>, figures: readonly unknown[]): string {
  const processor = field("/proc/cpuinfo", "model name");
  const date = new Date().toISOString().slice(0, 10);
  const results = {
    date,
    figures,
    load_average: readFileSync("/proc/loadavg", "utf8").trim(),
    machine: {
      cores: availableParallelism(),
      kernel: readFileSync("/proc/sys/kernel/osrelease", "utf8").trim(),
      memory_bytes: Number.parseInt(field("/proc/meminfo", "MemTotal"), 10) * 1024,
      processor,
    },
    ...about,
  };
  const slug = processor.toLowerCase().match(/[a-z0-9]+/g)?.join("-") ?? "unknown";
  const stem = `${date}-${slug}-${what}`;
  for (let number = 1; ; number += 1) {
    const name = `${stem}${number === 1 ? "" : `-${number}`}.json`;
    if (!existsSync(join(RESULTS, name))) {
      writeFileSync(join(RESULTS, name), `${JSON.stringify(results, null, 2)}\n`, { flag: "wx" });
      return name;
    }
  }
}
