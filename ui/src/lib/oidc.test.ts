import { expect, it } from "vitest";

import { formOf, settingsOf } from "./oidc";

it("settings come out of a form as they went in", () => {
  const settings = {
    issuer: "https://login.example.org",
    client_id: "backstay",
    name: "Office",
    scopes: ["groups", "offline"],
    email_domains: ["example.org"],
    create_people: true,
    roles: { claim: "groups", values: { admins: "owner" as const, all: "viewer" as const } },
  };
  expect(settingsOf(formOf(settings))).toEqual(settings);
  expect(settingsOf({ ...formOf(settings), client_secret: "s3cret" })).toEqual({ ...settings, client_secret: "s3cret" });
});

it("without a claim there are no roles by it", () => {
  const form = { ...formOf(null), values: [{ value: "admins", role: "owner" as const }] };
  expect(settingsOf(form)).toMatchObject({ roles: null, scopes: [], email_domains: [], create_people: false });
});
