import { expect, it } from "vitest";

import { channelOf, EMPTY, fieldOf, formOf, target, type NotifierForm } from "./notifier";

const form = (more: Partial<NotifierForm>): NotifierForm => ({ ...EMPTY, name: "Office", ...more });

it("a form and its channel say the same", () => {
  const mail = channelOf("email", form({ to: " ada@example.org \n\ngrace@example.org\n" }));
  expect(mail).toEqual({ type: "email", to: ["ada@example.org", "grace@example.org"] });
  expect(target(mail)).toBe("ada@example.org, grace@example.org");
  const command = channelOf("command", form({ program: "/bin/tell", args: "--to\n two words" }));
  expect(command).toEqual({ type: "command", program: "/bin/tell", args: ["--to", " two words"] });
  const stored = { id: "1", project: "p", created: "", changed: "", revision: 1, name: "Office", on: ["failed"] } as const;
  expect(formOf({ ...stored, on: ["failed"], channel: command })).toMatchObject({ program: "/bin/tell", args: "--to\n two words" });
});

it("a secret that is left empty is not told, so that it stays", () => {
  expect(channelOf("webhook", form({ url: "https://example.org" }))).not.toHaveProperty("secret");
  expect(channelOf("webhook", form({ url: "https://example.org", secret: "s".repeat(16) }))).toHaveProperty("secret");
});

it.each([
  ["channel.to.0", "to"],
  ["channel.url", "url"],
  ["on", "on"],
])("the server's %s is the form's %s", (server, own) => expect(fieldOf(server)).toBe(own));
