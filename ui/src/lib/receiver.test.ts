import { expect, it } from "vitest";

import { clientSchema, clientValues, emptyClient, grantsOf, partOf, placeOf, sendSteps } from "./receiver";

const words = { required: "needed", name: "letters", folder: "folders", whole: "whole", positive: "positive" };
const problems = (values: unknown) =>
  clientSchema(words)
    .safeParse(values)
    .error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];
const stored = {
  name: "web-1",
  folder: "berlin/web-1",
  has_token: true,
  append_only: true,
  quota: 500 * 1024 ** 3,
  expires: "2027-03-01T12:34:56Z",
  retention: { max_age_days: 90, max_bytes: 1024 ** 4, keep_at_least: 7 },
  stored: 0,
  promised: 0,
  created: "2026-01-01T00:00:00Z",
  revision: 3,
};

it("what a client may comes back as it was, also the moment of a day that was not touched", () => {
  const { append_only, quota, expires, retention } = stored;
  expect(grantsOf(clientValues(stored), expires)).toEqual({ append_only, quota, expires, retention });
  expect(grantsOf(emptyClient)).toEqual({ append_only: false, retention: {} });
  const cleared = { ...clientValues(stored), expires: "", quota: { amount: null, unit: "GiB" } };
  expect(grantsOf(cleared, expires)).toEqual({ append_only, retention });
});

it("a client is let in until the end of the day that is chosen, and that day is shown again", () => {
  const { expires } = grantsOf({ ...emptyClient, expires: "2027-05-31" }, stored.expires);
  expect(expires).toBe(new Date(2027, 5, 1).toISOString());
  expect(clientValues({ ...stored, expires: expires ?? "" }).expires).toBe("2027-05-31");
});

it("names and folders are such as the receiver takes", () => {
  expect(problems({ ...emptyClient, name: "web_1-a" })).toEqual([]);
  expect(problems({ ...emptyClient, name: " " })).toContain("name: needed");
  expect(problems({ ...emptyClient, name: "web 1" })).toEqual(["name: letters"]);
  expect(problems({ ...emptyClient, name: "a", folder: "berlin/{name}" })).toEqual([]);
  expect(problems({ ...emptyClient, name: "a", folder: "/berlin/../x" })).toEqual(["folder: folders"]);
  expect(problems({ ...emptyClient, name: "a", max_count: 0, max_age_days: 1.5, quota: { amount: 0, unit: "GiB" } })).toEqual([
    "quota.amount: positive",
    "max_age_days: whole",
    "max_count: whole",
  ]);
});

it("a receiver's address is told in the parts that a form asks for", () => {
  expect(placeOf("https://backup.example.org:8421")).toEqual({ host: "backup.example.org", port: "8421", isEncrypted: true });
  expect(placeOf("https://backup.example.org/")).toEqual({ host: "backup.example.org", port: "443", isEncrypted: true });
  expect(placeOf("http://[::1]:80")).toEqual({ host: "::1", port: "80", isEncrypted: false });
});

it("the lines to enter hold the token in a file alone", () => {
  const { keep, send } = sendSteps("https://backup.example.org:8421/", "bsr_secret");
  expect(keep).toContain("'bsr_secret'");
  expect(send).toBe("backstay archive send Data.zip --to https://backup.example.org:8421 --token-file receiver-token");
});

it("an upload counts what comes in now", () => {
  expect(partOf({ size: 100, sent: 25, arriving: 25 })).toBe(0.5);
  expect(partOf({ size: 0, sent: 0, arriving: 0 })).toBe(1);
  expect(partOf({ size: 10, sent: 10, arriving: 5 })).toBe(1);
});
