import { dirname, join } from "node:path";

import { defineConfig } from "@playwright/test";

const program = process.env.BACKSTAY_PEER_CHROMIUM;

/** Where the libraries lie that were unpacked with the browser. */
function beside(browser: string): Record<string, string> {
  const root = join(dirname(browser), "../../..");
  const folders = ["usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/pulseaudio", "lib/x86_64-linux-gnu"];
  return { LD_LIBRARY_PATH: folders.map((folder) => join(root, folder)).join(":") };
}

// The browser is the one that `cargo xtask` provides; the server is the program that was built, one for each test.
export default defineConfig({
  testDir: "tests",
  outputDir: "../target/browser",
  workers: 2,
  timeout: 90_000,
  expect: { timeout: 20_000 },
  reporter: [["list"]],
  use: {
    actionTimeout: 20_000,
    locale: "en-GB",
    timezoneId: "UTC",
    trace: "retain-on-failure",
    launchOptions: {
      ...(program !== undefined && {
        executablePath: program,
        env: { ...(process.env as Record<string, string>), ...beside(program) },
      }),
      // The tests run as whoever runs them; Chromium's own sandbox does not run as root.
      args: ["--no-sandbox"],
    },
  },
});
