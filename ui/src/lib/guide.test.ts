import { expect, it } from "vitest";

import { emptySettings } from "./connection";
import { freeName, guideSchema, nameOfPaths, retentionOf, scheduleOf } from "./guide";
import { emptyFiles } from "./source";

const words = { required: "required", absolute: "absolute", upwards: "upwards", path: "path", endpoint: "endpoint", port: "port", host: "host", fingerprint: "digits", authority: "pem", uri: "uri", days: "days" };
const values = {
  project: "p",
  node: "n",
  spec: { ...emptyFiles, paths: "/home/ada" },
  place: "here" as const,
  settings: emptySettings("local"),
  when: "daily" as const,
  keep: "months" as const,
};

it("asks for a place's settings only where they are needed", () => {
  const schema = guideSchema(words);
  expect(schema.safeParse(values).success).toBe(true);
  const folder = schema.safeParse({ ...values, place: "folder" });
  expect(folder.error?.issues.map(({ path }) => path.join("."))).toEqual(["settings.path"]);
  const bucket = schema.safeParse({ ...values, place: "bucket", settings: emptySettings("s3") });
  expect(bucket.error?.issues.map(({ path }) => path.join("."))).toEqual([
    "settings.bucket",
    "settings.access_key",
    "settings.secret_key",
  ]);
  expect(schema.safeParse({ ...values, spec: emptyFiles }).success).toBe(false);
});

it("runs at night in the person's own zone", () => {
  expect(scheduleOf("daily", "Europe/Berlin")).toMatchObject({ when: { daily: { at: ["02:00"] } }, zone: "Europe/Berlin" });
  expect(scheduleOf("hourly", "Europe/Berlin").zone).toBeUndefined();
});

it("keeps everything only where that is asked for", () => {
  expect(retentionOf("all")).toEqual({});
  expect(retentionOf("years")).toMatchObject({ monthly: 24, yearly: 10 });
});

it("finds names that are not taken", () => {
  expect(freeName("ada", ["bob"])).toBe("ada");
  expect(freeName("ada", ["ada", "ada 2"])).toBe("ada 3");
  expect(nameOfPaths(["/home/ada/"])).toBe("ada");
  expect(nameOfPaths(["/"])).toBe("/");
});
