import { expect, it } from "vitest";

import type { Plan } from "../../api/queries";
import { chosenPlans, newPlanSearch, planSearch, revisionSearch } from "./choice";

const plan = (id: string, enabled = true) => ({ id, name: `Plan ${id}`, enabled }) as Plan;
const plans = [plan("Ärzte"), plan("b", false), plan("c")];
const ids = (filter: Parameters<typeof chosenPlans>[1]) => chosenPlans(plans, filter, new Set(["c"])).map(({ id }) => id);

it("plans are chosen by name and state", () => {
  expect(ids({})).toEqual(["Ärzte", "b", "c"]);
  expect(ids({ q: " ärz" })).toEqual(["Ärzte"]);
  expect(ids({ state: "off" })).toEqual(["b"]);
  expect(ids({ state: "on" })).toEqual(["Ärzte", "c"]);
  expect(ids({ state: "failing", q: "plan" })).toEqual(["c"]);
});

it("nonsense in an address is left out", () => {
  expect(planSearch({ q: "a", state: "off" })).toEqual({ q: "a", state: "off" });
  expect(planSearch({ q: 3, state: "dancing" })).toEqual({});
  expect(newPlanSearch({ from: "x", source: 3 })).toEqual({ from: "x" });
  expect(revisionSearch({ from: "2", to: 0 })).toEqual({ from: 2 });
  expect(revisionSearch({ from: 1.5, to: "x" })).toEqual({});
});
