import { expect, it } from "vitest";

import { emptySpec, sourceSchema, specOf, specValues } from "./source";

const schema = sourceSchema({ required: "needed", absolute: "absolute", upwards: "upwards" });
const problem = (paths: string) =>
  schema
    .safeParse({ project: "p", name: "n", node: "d", spec: { ...emptySpec, paths } })
    .error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`)[0];

it("paths are absolute and there is one at least", () => {
  expect(problem(" \n")).toBe("spec.paths: needed");
  expect(problem("/home\nhome")).toBe("spec.paths: absolute");
  expect(problem("/home/../etc")).toBe("spec.paths: upwards");
  expect(problem("/home\n/srv/a..b")).toBeUndefined();
});

it("what is stored comes back as it was", () => {
  const spec = {
    type: "files",
    paths: ["/home", "/srv/Größe <b>"],
    excludes: ["*.tmp"],
    exclude_if_present: [".nobackup"],
    exclude_caches: true,
    exclude_larger_than: 100_000,
    one_file_system: true,
  } as const;
  expect(specOf(specValues({ ...spec, paths: [...spec.paths], excludes: [...spec.excludes], exclude_if_present: [...spec.exclude_if_present] }))).toEqual(spec);
});
