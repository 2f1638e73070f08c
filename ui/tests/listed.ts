// The S3 service that the tests are given lists its objects without their ETags, by which it is known what they are. This stands before it
// and puts them in, as other services do; all else goes through as it is.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";

import type { Bucket } from "./s3";

const ENTITIES: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'" };

/** A service with ETags in its lists, for buckets of the one that the tests are given. */
export class Listed {
  private constructor(
    readonly url: string,
    private readonly server: Server,
  ) {}

  static async before({ url, folder }: Bucket): Promise<Listed> {
    const server = createServer((asked, answer) => pass(new URL(url), dirname(folder), asked, answer));
    await new Promise<void>((listens) => server.listen(0, "127.0.0.1", listens));
    return new Listed(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, server);
  }

  /** What a connection is told to reach a bucket by it. */
  settings(bucket: Bucket): Record<string, unknown> {
    return { ...bucket.settings, endpoint: this.url };
  }

  end(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

function pass({ hostname, port }: URL, root: string, asked: IncomingMessage, answer: ServerResponse): void {
  const { method, headers, url = "/" } = asked;
  const { pathname, searchParams } = new URL(url, "http://service");
  const onward = request({ hostname, port, method, path: url, headers }, (told) => {
    const status = told.statusCode ?? 502;
    if (status !== 200 || !searchParams.has("list-type")) {
      answer.writeHead(status, told.headers);
      told.pipe(answer);
      return;
    }
    const parts: Buffer[] = [];
    told.on("data", (part: Buffer) => parts.push(part));
    told.on("end", () => {
      const folder = join(root, decodeURIComponent(pathname));
      const isEncoded = searchParams.get("encoding-type") === "url";
      answer.writeHead(status, { "content-type": "application/xml" });
      answer.end(withTags(Buffer.concat(parts).toString(), folder, isEncoded));
    });
  });
  onward.on("error", () => answer.destroy());
  asked.pipe(onward);
}

const withTags = (list: string, folder: string, isEncoded: boolean): string =>
  list.replace(/<Key>([^<]*)<\/Key>/g, (whole, told: string) => {
    const plain = told.replace(/&\w+;/g, (entity) => ENTITIES[entity] ?? entity);
    const content = readFileSync(join(folder, isEncoded ? decodeURIComponent(plain) : plain));
    return `${whole}<ETag>&quot;${createHash("md5").update(content).digest("hex")}&quot;</ETag>`;
  });
