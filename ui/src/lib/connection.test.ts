import { expect, it } from "vitest";

import { emptySettings, placeOf, settingsOf, settingsSchema, settingsValues } from "./connection";

const words = { required: "needed", path: "absolute", endpoint: "address" };
const problems = (values: unknown, isNew = true) =>
  settingsSchema(words, isNew)
    .safeParse(values)
    .error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];

it("each type asks for what it needs", () => {
  expect(problems(emptySettings("local"))).toEqual(["path: needed"]);
  expect(problems({ ...emptySettings("local"), path: "srv" })).toEqual(["path: absolute"]);
  expect(problems(emptySettings("s3"))).toEqual(["bucket: needed", "access_key: needed", "secret_key: needed"]);
  expect(problems(emptySettings("s3"), false)).toEqual(["bucket: needed", "access_key: needed"]);
  expect(problems({ ...emptySettings("local"), path: "/srv" })).toEqual([]);
});

it("an address has no credentials in it", () => {
  const s3 = { ...emptySettings("s3"), bucket: "b", access_key: "a", secret_key: "s" };
  expect(problems({ ...s3, endpoint: "https://key:secret@s3.example.org" })).toEqual(["endpoint: address"]);
  expect(problems({ ...s3, endpoint: "https://s3.example.org:9000" })).toEqual([]);
});

it("what is stored comes back as it was, and an empty secret is not sent", () => {
  const stored = { type: "s3", bucket: "b", access_key: "a", endpoint: "https://s3.example.org", style: "path", allow_private: true } as const;
  expect(settingsOf(settingsValues(stored))).toEqual(stored);
  expect(settingsOf({ ...settingsValues(stored), secret_key: "new" })).toEqual({ ...stored, secret_key: "new" });
  expect(settingsOf({ ...emptySettings("local"), path: " /srv " })).toEqual({ type: "local", path: "/srv" });
  expect(placeOf({ type: "local", path: "/srv" })).toBe("/srv");
});
