// The server of the tests, with the dashboard from a folder where one is named.

import { type Page, test as base, type TestInfo } from "@playwright/test";

import { Server as TestServer } from "../tests/server";
import { front } from "./front";
import { watch } from "./watch";

export class Server extends TestServer {
  private front: { url: string; end: () => void } | undefined;

  override async start(port = 0): Promise<void> {
    await super.start(port);
    const folder = process.env.BACKSTAY_UI_DIR;
    if (folder !== undefined) {
      this.front = await front(folder, this.url);
      this.url = this.front.url;
    }
  }

  override async stop(): Promise<void> {
    this.front?.end();
    this.front = undefined;
    await super.stop();
  }
}

/** A benchmark with a server of its own that is set up, and a page that is watched. */
export const bench = base.extend<{ server: Server; watched: Page }>({
  server: async ({ browser, page: _ }, use, info: TestInfo) => {
    await info.attach("browser", { body: `Chromium ${browser.version()}` });
    const server = new Server();
    await server.start();
    await server.setUp();
    await use(server);
    await server.end();
  },
  watched: async ({ page }, use) => {
    await watch(page);
    await use(page);
    // A page that is open complains when its server goes.
    await page.close();
  },
});
