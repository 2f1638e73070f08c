// A computer that joins: what is entered on it, and by what one sees that it has joined.

import type { Schemas } from "../api/client";
import type { Node } from "../api/queries";

const FILE = "backstay-token";

/** A text that a shell takes as it is. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Where the service of a machine looks for what its agent has. */
const FOLDER = "/var/lib/backstay/agent";

/** The lines to enter. The token goes into a file that nobody else can read, so that no list of processes shows it. */
export const joinSteps = ({ token, command }: Schemas["NewJoinToken"]) => ({
  token: `(umask 077; printf %s ${quoted(token)} > ${FILE})`,
  join: `sudo ${command.replace(/\bFILE$/, FILE)} --data-dir ${FOLDER}`,
  run: "sudo backstay service install --agent",
});

/** The node that joined since a token was made; none as long as the token was not used. */
export function joined(nodes: readonly Node[], since: string, isUsed: boolean): Node | undefined {
  // The server's clock may be some seconds off from the browser's.
  const begun = Date.parse(since) - 60_000;
  const young = nodes.filter((node) => !node.local && Date.parse(node.created) >= begun);
  return isUsed ? young.toSorted((a, b) => Date.parse(b.created) - Date.parse(a.created))[0] : undefined;
}
