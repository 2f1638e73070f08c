import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    // Names with a hash of their content: browsers keep these files for good.
    assetsDir: "ui",
    // Nothing inline: the server's policy lets no such thing run.
    assetsInlineLimit: 0,
    target: "es2023",
  },
  server: {
    // `npm run dev` beside a server on this machine.
    proxy: Object.fromEntries(
      ["/api", "/sign-in", "/setup", "/reset", "/assets"].map((path) => [path, "http://localhost:8420"]),
    ),
  },
  test: { include: ["src/**/*.test.ts?(x)"] },
});
