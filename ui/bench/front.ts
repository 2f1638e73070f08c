// Stands before the program and gives out a build of the dashboard from a folder, packed as the program packs the one that it
// carries. Everything else is the program's answer.

import { readFileSync, readdirSync } from "node:fs";
import { createServer, request, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";

const KINDS: Record<string, string> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

export async function front(folder: string, url: string): Promise<{ url: string; end: () => void }> {
  const pack = (path: string) => gzipSync(readFileSync(join(folder, path)), { level: 9 });
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = names.map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
  const files = new Map(paths.map((path) => [`/${path}`, pack(path)]));
  const index = pack("index.html");
  const target = new URL(url);
  const server = createServer((asked, answer) => {
    const file = files.get(asked.url ?? "");
    if (file !== undefined) {
      const kind = KINDS[asked.url?.split(".").pop() ?? ""] ?? "application/octet-stream";
      answer.writeHead(200, {
        "content-type": kind,
        "content-encoding": "gzip",
        "content-length": file.length,
        "cache-control": "public, max-age=31536000, immutable",
      });
      answer.end(file);
      return;
    }
    const { method, headers, url: path } = asked;
    const passed = request({ host: target.hostname, port: target.port, method, path, headers }, (told) => {
      if (told.statusCode === 200 && isDashboard(told.headers)) {
        told.resume();
        answer.writeHead(200, { ...told.headers, "content-encoding": "gzip", "content-length": index.length });
        answer.end(index);
        return;
      }
      answer.writeHead(told.statusCode ?? 502, told.headers);
      answer.flushHeaders();
      told.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    answer.on("close", () => passed.destroy());
    asked.pipe(passed);
  });
  // Longer than a benchmark is busy with something else.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    end: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Whether an answer is the dashboard's page: the only one with a policy that lets it show pictures which the API gave. */
const isDashboard = (headers: IncomingHttpHeaders) => String(headers["content-security-policy"] ?? "").includes("blob:");
