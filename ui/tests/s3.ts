// The S3 service that the tests are given: a real one, over a folder of this host. Its buckets are folders in there.

import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

function given(name: string): string {
  const value = process.env[`BACKSTAY_TEST_S3_${name}`];
  if (value === undefined || value === "") {
    throw new Error(`BACKSTAY_TEST_S3_${name} has to tell of an S3 service: cargo test -p backstay --test browser starts one`);
  }
  return value;
}

export class Bucket {
  readonly url = given("URL");
  readonly key = given("KEY");
  readonly secret = given("SECRET");
  readonly name = `bucket-${randomBytes(6).toString("hex")}`;
  /** Where its objects lie. */
  readonly folder = join(given("ROOT"), this.name);

  constructor() {
    mkdirSync(this.folder);
  }

  /** What a connection is told to reach it. */
  get settings(): Record<string, unknown> {
    const { url: endpoint, name: bucket, key: access_key, secret: secret_key } = this;
    return { type: "s3", endpoint, bucket, access_key, secret_key, style: "path", allow_private: true };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
