import { expect, it } from "vitest";

import type { Node } from "../api/queries";
import { joinSteps, joined } from "./joining";

it("what is entered names the file that the token is put into", () => {
  const made = { token: "a'b", id: "1", expires: "", command: "backstay agent join https://b --join-token-file FILE" };
  expect(joinSteps(made)).toEqual({
    token: String.raw`(umask 077; printf %s 'a'\''b' > backstay-token)`,
    join: "sudo backstay agent join https://b --join-token-file backstay-token --data-dir /var/lib/backstay/agent",
    run: "sudo backstay service install --agent",
  });
});

it("a node has joined when the token is used and it is new", () => {
  const node = (name: string, created: string, local = false) => ({ name, created, local }) as Node;
  const nodes = [
    node("server", "2026-03-01T12:00:00Z", true),
    node("old", "2026-02-01T12:00:00Z"),
    node("new", "2026-03-01T12:00:05Z"),
  ];
  expect(joined(nodes, "2026-03-01T12:00:00Z", false)).toBeUndefined();
  expect(joined(nodes, "2026-03-01T12:00:00Z", true)?.name).toBe("new");
  expect(joined(nodes.slice(0, 2), "2026-03-01T12:00:00Z", true)).toBeUndefined();
});
