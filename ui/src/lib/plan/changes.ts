// What is different between two versions of a plan.

import type { Plan } from "../../api/queries";

export type Change = { field: string; before?: string; after?: string };

const NOT_SAID = new Set(["id", "project", "created", "changed", "revision"]);

/** Each value of a record by its path, as text; lists of plain values are one. */
function flat(value: unknown, path: string, found: Map<string, string>): void {
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item !== "object")) {
      if (value.length > 0) {
        found.set(path, value.join(", "));
      }
    } else {
      value.forEach((item, index) => flat(item, `${path} ${index + 1}`, found));
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [name, item] of Object.entries(value)) {
      flat(item, path === "" ? name : `${path} ${name}`, found);
    }
  } else if (value !== null && value !== undefined) {
    found.set(path, String(value));
  }
}

function fieldsOf(plan: Plan, nameOf: (id: string) => string): Map<string, string> {
  const found = new Map<string, string>();
  const said = Object.fromEntries(Object.entries(plan).filter(([name]) => !NOT_SAID.has(name)));
  const [sources, destinations] = [plan.sources.map(nameOf), plan.destinations.map(nameOf)];
  const { from, node, plans, ...rest } = plan.copy ?? {};
  const copy = plan.copy && {
    ...rest,
    from: from && nameOf(from),
    node: node && nameOf(node),
    plans: plans?.map(nameOf),
  };
  flat({ ...said, sources, copy, destinations }, "", found);
  return found;
}

type Told = {
  /** The name of a source, destination, node or plan. */
  nameOf: (id: string) => string;
  /** A part of a plan in words, where there are some. */
  say: (group: string, plan: Plan) => string | undefined;
};

/**
 * What differs, in the order of the plan's own: parts that words tell of as a whole, so far as the words differ, and the others field
 * by field.
 */
export function changes(before: Plan, after: Plan, { nameOf, say }: Told): Change[] {
  const [old, now] = [fieldsOf(before, nameOf), fieldsOf(after, nameOf)];
  const fields = [...new Set([...now.keys(), ...old.keys()])].filter((field) => old.get(field) !== now.get(field));
  const groups = [...new Set(fields.map((field) => field.split(" ")[0] ?? field))];
  const change = (field: string, was: string | undefined, is: string | undefined): Change => ({
    field,
    ...(was !== undefined && { before: was }),
    ...(is !== undefined && { after: is }),
  });
  return groups.flatMap((group) => {
    const [was, is] = [say(group, before), say(group, after)];
    return was !== is
      ? [change(group, was, is)]
      : fields
          .filter((field) => field.split(" ")[0] === group)
          .map((field) => change(field, old.get(field), now.get(field)));
  });
}
