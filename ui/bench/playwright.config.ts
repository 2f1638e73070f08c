import { defineConfig } from "@playwright/test";

import base from "../playwright.config";

// One after the other: they would take each other's time.
export default defineConfig({
  ...base,
  testDir: ".",
  testMatch: "*.bench.ts",
  outputDir: "../../target/dashboard-bench",
  workers: 1,
  retries: 0,
  timeout: 20 * 60_000,
  reporter: [["list"], ["./report.ts"]],
  use: { ...base.use, trace: "off", colorScheme: "light", viewport: { width: 1280, height: 800 } },
});
