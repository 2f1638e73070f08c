import { defineConfig } from "@playwright/test";

const program = process.env.BACKSTAY_PEER_CHROMIUM;

// The browser is the one that `cargo xtask` provides; the server is the program that was built, one for each test.
export default defineConfig({
  testDir: "tests",
  outputDir: "../target/browser",
  workers: 2,
  timeout: 90_000,
  expect: { timeout: 20_000 },
  reporter: [["list"]],
  use: {
    locale: "en-GB",
    timezoneId: "UTC",
    trace: "retain-on-failure",
    launchOptions: {
      ...(program !== undefined && { executablePath: program }),
      // The tests run as whoever runs them; Chromium's own sandbox does not run as root.
      args: ["--no-sandbox"],
    },
  },
});
