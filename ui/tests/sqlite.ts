// Databases of SQLite for the tests, made and read by Python's module for them.

import { execFileSync, spawn } from "node:child_process";

const PROGRAM = `
import json, sqlite3, sys
handle = sqlite3.connect(sys.argv[1])
handle.executescript(sys.stdin.read())
print(json.dumps(handle.execute(sys.argv[2]).fetchall()))
handle.close()
`;

const HOLDER = `
import sqlite3, sys
handle = sqlite3.connect(sys.argv[1])
handle.execute("SELECT count(*) FROM sqlite_schema").fetchall()
print("open", flush=True)
sys.stdin.read()
`;

/** What a query finds in a database once these statements were done; the database is made if it is not there. */
export const ask = (path: string, query: string, statements = ""): unknown[][] =>
  JSON.parse(execFileSync("python3", ["-c", PROGRAM, path, query], { input: statements, encoding: "utf8" })) as unknown[][];

/** A program that has a database open, until it is let go. */
export async function hold(path: string): Promise<() => Promise<void>> {
  const child = spawn("python3", ["-c", HOLDER, path], { stdio: ["pipe", "pipe", "inherit"] });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return () =>
    new Promise((resolve) => {
      child.once("exit", () => resolve());
      child.stdin.end();
    });
}
