// A server of its own for each test: the real program, with a data folder and a port of its own.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import AxeBuilder from "@axe-core/playwright";
import { type BrowserContext, type Page, expect, test as base } from "@playwright/test";

export const PROGRAM = process.env.BACKSTAY_PROGRAM ?? "../target/debug/backstay";

export const OWNER = { name: "Ada Lovelace", email: "ada@example.org", password: "correct horse battery" };

export type Json = Record<string, unknown> & { id: string };

export class Server {
  readonly folder = mkdtempSync(join(tmpdir(), "backstay-browser-"));
  private process: ChildProcess | undefined;
  private output = "";
  private cookie = "";
  private csrf = "";
  url = "";

  /** `options` are further ones of `backstay up`. */
  constructor(private readonly options: string[] = []) {}

  /** Starts it; `port` 0 lets the system choose one. */
  async start(port = 0): Promise<void> {
    const data = join(this.folder, "data");
    const child = spawn(PROGRAM, ["up", "--data-dir", data, "--listen", `127.0.0.1:${port}`, ...this.options], {
      env: { PATH: process.env.PATH, HOME: this.folder, XDG_CONFIG_HOME: join(this.folder, "config") },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.process = child;
    this.output = "";
    child.stdout.on("data", (text: Buffer) => (this.output += text.toString()));
    child.stderr.on("data", (text: Buffer) => (this.output += text.toString()));
    await expect.poll(() => this.output, { timeout: 60_000 }).toMatch(/(setup#\S+|Press Ctrl-C)/);
    const address = /Backstay is at (https?):\/\/127\.0\.0\.1:(\d+)/.exec(this.output);
    this.url = `${address?.[1]}://localhost:${address?.[2]}`;
  }

  /** The link that the first start prints. */
  get setupLink(): string {
    return `${this.url}/setup#${/setup#(\S+)/.exec(this.output)?.[1]}`;
  }

  async stop(): Promise<void> {
    const child = this.process;
    if (child?.exitCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    }
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Makes the owner's account, as the set-up page does, and signs in for {@link call}. */
  async setUp(): Promise<void> {
    const token = this.setupLink.split("#")[1];
    await this.call("POST", "/setup", { token, ...OWNER });
    await this.signIn();
  }

  async signIn({ email, password }: { email: string; password: string } = OWNER): Promise<void> {
    this.csrf = String((await this.call("POST", "/sign-in", { email, password })).csrf);
  }

  async call(method: string, path: string, body?: unknown): Promise<Json> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { "content-type": "application/json", cookie: this.cookie, "x-backstay-csrf": this.csrf },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    this.cookie = response.headers.get("set-cookie")?.split(";")[0] ?? this.cookie;
    const text = await response.text();
    expect(response.ok, `${method} ${path}: ${response.status} ${text}`).toBe(true);
    return text === "" ? { id: "" } : (JSON.parse(text) as Json);
  }

  async items(path: string): Promise<Json[]> {
    return (await this.call("GET", path)).items as Json[];
  }

  /** A plan for a folder with some files, to the server's own repository. */
  async plan(name: string, more: Record<string, unknown> = {}, files = 20): Promise<Json> {
    const folder = join(this.folder, "files");
    mkdirSync(folder, { recursive: true });
    for (let number = 0; number < files; number += 1) {
      writeFileSync(join(folder, `${number}.txt`), `letter ${number}\n`.repeat(2000));
    }
    return this.planFor(name, folder, more);
  }

  /** A plan for a folder, to this destination; to the server's own repository unless one is named. */
  async planFor(name: string, path: string, more: Record<string, unknown> = {}, to?: string): Promise<Json> {
    await expect.poll(async () => (await this.items("/destinations")).length).toBeGreaterThan(0);
    const [own] = await this.items("/destinations");
    const destination = to ?? own?.id;
    const [node] = await this.items("/nodes");
    const spec = { type: "files", paths: [path] };
    const source = await this.call("POST", "/sources", { name: `${name} files`, node: node?.id, spec });
    return this.call("POST", "/plans", { name, sources: [source.id], destinations: [destination], ...more });
  }

  /** Runs a plan and waits for its end. */
  async run(plan: Json, kind = "backup"): Promise<Json> {
    const { runs } = await this.call("POST", `/plans/${plan.id}/run`, { kind });
    const [id] = runs as string[];
    const state = async () => (await this.call("GET", `/runs/${id}`)).state;
    await expect.poll(state, { timeout: 60_000 }).toMatch(/completed|failed|cancelled/);
    return this.call("GET", `/runs/${id}`);
  }

  /** Has a page signed in as the owner. */
  async open(page: Page, path = "/"): Promise<void> {
    const [name, value] = this.cookie.split("=") as [string, string];
    const secure = this.url.startsWith("https:");
    await page.context().addCookies([{ name, value, url: this.url, httpOnly: true, sameSite: "Lax", secure }]);
    await page.goto(this.url + path);
  }

  /** Has a page signed in as somebody else, who has this role in the owner's project. */
  async openAs(role: string, page: Page, path = "/"): Promise<void> {
    const [owner, csrf] = [this.cookie, this.csrf];
    const [project] = await this.items("/projects");
    const [email, password] = [`${role}@example.org`, "correct horse battery"];
    const grants = [{ project: project?.id, role }];
    const made = await this.call("POST", "/people", { name: role, email, grants });
    const token = String(made.link).split("#")[1];
    await this.call("POST", "/password-reset/confirm", { token, password });
    await this.call("POST", "/sign-in", { email, password });
    await this.open(page, path);
    [this.cookie, this.csrf] = [owner, csrf];
  }
}

/**
 * Has a page load what was built into this folder instead of what the program carries, so that work on the dashboard needs no new
 * program: `npx vite build --outDir /tmp/dist && BACKSTAY_UI_DIR=/tmp/dist npx playwright test`. The program's own tests never do.
 */
async function loadFrom(folder: string, context: BrowserContext): Promise<void> {
  await context.route(/\/ui\/[^/]+$/, (route) =>
    route.fulfill({ path: join(folder, "ui", basename(new URL(route.request().url()).pathname)) }),
  );
  await context.route("**/*", async (route) => {
    if (route.request().resourceType() !== "document") {
      return route.fallback();
    }
    const response = await route.fetch({ maxRedirects: 0 });
    const isDashboard = response.ok() && (await response.text()).includes('id="root"');
    return route.fulfill({ response, ...(isDashboard && { path: join(folder, "index.html") }) });
  });
}

/** A test with a server that is set up, and a page on which nothing may go wrong unseen. */
export const test = base.extend<{ options: string[]; fresh: Server; server: Server; complaints: string[] }>({
  options: [[], { option: true }],
  fresh: async ({ page, options }, use) => {
    const built = process.env.BACKSTAY_UI_DIR;
    if (built !== undefined) {
      await loadFrom(built, page.context());
    }
    const server = new Server(options);
    await server.start();
    await use(server);
    // A page that is open complains when its server goes.
    await page.close();
    await server.end();
  },
  server: async ({ fresh }, use) => {
    await fresh.setUp();
    await use(fresh);
  },
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
      await use(complaints);
      expect(complaints).toEqual([]);
    },
    { auto: true },
  ],
});

/** Sees that the page can be used by everybody, in both themes. */
export async function accessible(page: Page): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
    expect(violations.map(({ id, nodes }) => `${colorScheme}: ${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
  }
}

export { expect };
