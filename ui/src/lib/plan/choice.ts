// Which plans a list shows.

import type { Plan } from "../../api/queries";

export const PLAN_STATES = ["on", "off", "failing"] as const;
export type PlanState = (typeof PLAN_STATES)[number];
export type PlanFilter = { q?: string; state?: PlanState };

/** The filter of plans in an address; what makes no sense is left out. */
export function planSearch({ q, state }: Record<string, unknown>): PlanFilter {
  const known = PLAN_STATES.find((one) => one === state);
  return {
    ...(typeof q === "string" && q !== "" && q.length <= 200 && { q }),
    ...(known !== undefined && { state: known }),
  };
}

/** The plans that a filter lets through. `failing` has those whose last backup failed. */
export function chosenPlans(plans: readonly Plan[], { q, state }: PlanFilter, failing: ReadonlySet<string>): Plan[] {
  const wanted = q?.trim().toLocaleLowerCase() ?? "";
  return plans.filter((plan) => {
    const isOn = plan.enabled !== false;
    const fits = state === undefined || (state === "failing" ? failing.has(plan.id) : isOn === (state === "on"));
    return fits && plan.name.toLocaleLowerCase().includes(wanted);
  });
}

/** What a new plan begins with, by its address. */
export function newPlanSearch(search: Record<string, unknown>): { from?: string; source?: string; destination?: string } {
  const known = (["from", "source", "destination"] as const).flatMap((name) => {
    const value = search[name];
    return typeof value === "string" && value !== "" && value.length <= 100 ? [[name, value] as const] : [];
  });
  return Object.fromEntries(known);
}

/** Which two revisions are compared. */
export function revisionSearch(search: Record<string, unknown>): { from?: number; to?: number } {
  const known = (["from", "to"] as const).flatMap((name) => {
    const value = Number(search[name]);
    return Number.isInteger(value) && value > 0 ? [[name, value] as const] : [];
  });
  return Object.fromEntries(known);
}
