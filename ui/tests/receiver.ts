// A receiver of its own, as one would run on another host.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { join } from "node:path";

import { PROGRAM, expect } from "./server";

export class Receiver {
  private process: ChildProcess | undefined;
  private output = "";

  constructor(readonly folder: string) {}

  private get env(): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, HOME: this.folder };
  }

  /** Lets a client in, and gives its token. */
  letIn(name: string): string {
    const told = execFileSync(PROGRAM, ["receiver", "client", "add", name, "--path", this.path], { env: this.env, stdio: "pipe" });
    return /bsr_\S+/.exec(told.toString())?.[0] ?? "";
  }

  get path(): string {
    return join(this.folder, "received");
  }

  async start(): Promise<void> {
    const child = spawn(PROGRAM, ["receiver", "--path", this.path, "--listen", "127.0.0.1:0", "--min-free", "1M"], {
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.process = child;
    child.stdout.on("data", (text: Buffer) => (this.output += text.toString()));
    child.stderr.on("data", (text: Buffer) => (this.output += text.toString()));
    await expect.poll(() => this.output, { timeout: 30_000 }).toMatch(/SHA-256 \S+[^]*clients|No client/);
  }

  get port(): string {
    return /https:\/\/\S+:(\d+)/.exec(this.output)?.[1] ?? "";
  }

  get fingerprint(): string {
    return /SHA-256 (\S+)/.exec(this.output)?.[1] ?? "";
  }

  async stop(): Promise<void> {
    const child = this.process;
    if (child?.exitCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    }
  }
}
