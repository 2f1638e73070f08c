// Buckets of the S3 service that the tests are given which keeps classes, locks and encryption. It is asked by its own protocol.

import { createHash, createHmac, randomBytes } from "node:crypto";

import { given } from "./peers";

const ENTITIES: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'" };

const hash = (text: string) => createHash("sha256").update(text).digest("hex");
const mac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();
const encoded = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

type Asked = { query?: Record<string, string>; headers?: Record<string, string>; body?: string };

export class Cloud {
  readonly url = given("CLOUD_URL");
  readonly key = given("CLOUD_KEY");
  readonly secret = given("CLOUD_SECRET");

  private constructor(readonly name: string) {}

  /** A new bucket; `locks` when its objects can be locked. */
  static async make({ locks = false } = {}): Promise<Cloud> {
    const bucket = new Cloud(`cloud-${randomBytes(6).toString("hex")}`);
    await bucket.ask("PUT", "", { headers: locks ? { "x-amz-bucket-object-lock-enabled": "true" } : {} });
    return bucket;
  }

  /** What a connection is told to reach it. */
  get settings(): Record<string, unknown> {
    const { url: endpoint, name: bucket, key: access_key, secret: secret_key } = this;
    return { type: "s3", endpoint, bucket, access_key, secret_key, style: "path", allow_private: true };
  }

  async put(key: string, body: string, headers: Record<string, string> = {}): Promise<void> {
    await this.ask("PUT", key, { headers, body });
  }

  async get(key: string): Promise<string> {
    return (await this.ask("GET", key)).text();
  }

  /** The headers of an object. */
  async about(key: string): Promise<Headers> {
    return (await this.ask("HEAD", key)).headers;
  }

  /** The keys of all objects, of a thousand at most. */
  async keys(prefix = ""): Promise<string[]> {
    const list = await (await this.ask("GET", "", { query: { "list-type": "2", prefix } })).text();
    const plain = (told: string) => told.replace(/&\w+;/g, (entity) => ENTITIES[entity] ?? entity);
    return [...list.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, told = ""]) => plain(told)).sort();
  }

  private async ask(method: string, key: string, { query = {}, headers = {}, body = "" }: Asked = {}): Promise<Response> {
    const path = `/${[this.name, ...(key === "" ? [] : key.split("/"))].map(encoded).join("/")}`;
    const search = Object.entries(query).map(([name, value]) => `${encoded(name)}=${encoded(value)}`).sort().join("&");
    const time = `${new Date().toISOString().replace(/[-:]/g, "").slice(0, 15)}Z`;
    const told: Record<string, string> = { ...headers, host: new URL(this.url).host, "x-amz-content-sha256": hash(body), "x-amz-date": time };
    const names = Object.keys(told).sort();
    const request = [method, path, search, ...names.map((name) => `${name}:${told[name]}`), "", names.join(";"), hash(body)].join("\n");
    const scope = `${time.slice(0, 8)}/us-east-1/s3/aws4_request`;
    const signing = scope.split("/").reduce<string | Buffer>(mac, `AWS4${this.secret}`);
    const signature = mac(signing, ["AWS4-HMAC-SHA256", time, scope, hash(request)].join("\n")).toString("hex");
    const { host: _, ...sent } = told;
    const response = await fetch(`${this.url}${path}${search === "" ? "" : `?${search}`}`, {
      method,
      headers: { ...sent, authorization: `AWS4-HMAC-SHA256 Credential=${this.key}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}` },
      ...(method === "PUT" && { body }),
    });
    if (!response.ok) {
      throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    }
    return response;
  }
}
