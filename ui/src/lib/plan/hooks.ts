// What a plan does around a backup, as its form holds it, and back.

import { z } from "zod";

import type { Schemas } from "../../api/client";
import { timeOf, timeText } from "../amount";
import { commandOf, commandValues, isEnvironment, isUnit } from "../command";
import { amount } from "./schedule";

type Hook = Schemas["Hook"];

export const HOOK_KINDS = [
  "command",
  "http",
  "stop_service",
  "start_service",
  "stop_container",
  "start_container",
] as const;
export const HOOK_TIMES = ["before", "after", "on_failure"] as const;

type Words = { required: string; url: string; unit: string; variable: string };

export function hooksSchema(words: Words) {
  const fields = z.object({
    kind: z.enum(HOOK_KINDS),
    program: z.string(),
    arguments: z.string(),
    environment: z.string(),
    url: z.string(),
    method: z.enum(["GET", "POST"]),
    body: z.string(),
    name: z.string(),
    timeout: amount,
    ignore_failure: z.boolean(),
  });
  const hook = fields.superRefine((values, { addIssue }) => {
    const wrong = (field: keyof typeof values, message: string) => addIssue({ code: "custom", path: [field], message });
    if (values.kind === "command") {
      if (values.program.trim() === "") {
        wrong("program", words.required);
      }
      if (!isEnvironment(values.environment)) {
        wrong("environment", words.variable);
      }
    } else if (values.kind === "http") {
      if (!/^https?:\/\/./.test(values.url.trim())) {
        wrong("url", words.url);
      }
    } else if (!isUnit(values.name)) {
      wrong("name", words.unit);
    }
  });
  return z.object({ before: z.array(hook), after: z.array(hook), on_failure: z.array(hook) });
}

export type HooksValues = z.infer<ReturnType<typeof hooksSchema>>;
export type HookValues = HooksValues["before"][number];

export const newHook = (): HookValues => ({
  kind: "command",
  program: "",
  arguments: "",
  environment: "",
  url: "",
  method: "GET",
  body: "",
  name: "",
  timeout: { amount: 5, unit: "m" },
  ignore_failure: false,
});

function hookValues(hook: Hook): HookValues {
  const told = {
    ...newHook(),
    timeout: timeOf(hook.timeout ?? "5m", "m"),
    ignore_failure: hook.ignore_failure ?? false,
  };
  if ("command" in hook) {
    return { ...told, ...commandValues(hook.command) };
  }
  if ("http" in hook) {
    const { url, method, body } = hook.http;
    return { ...told, kind: "http", url, method: method ?? "GET", body: body ?? "" };
  }
  if ("stop_service" in hook) {
    return { ...told, kind: "stop_service", name: hook.stop_service };
  }
  if ("start_service" in hook) {
    return { ...told, kind: "start_service", name: hook.start_service };
  }
  if ("stop_container" in hook) {
    return { ...told, kind: "stop_container", name: hook.stop_container };
  }
  return { ...told, kind: "start_container", name: hook.start_container };
}

function hookOf(values: HookValues): Hook {
  const timeout = timeText(values.timeout);
  const about = { ignore_failure: values.ignore_failure, ...(timeout !== null && { timeout }) };
  const name = values.name.trim();
  switch (values.kind) {
    case "command":
      return { command: commandOf(values), ...about };
    case "http": {
      const { method, body } = values;
      return { http: { url: values.url.trim(), method, ...(method === "POST" && body !== "" && { body }) }, ...about };
    }
    case "stop_service":
      return { stop_service: name, ...about };
    case "start_service":
      return { start_service: name, ...about };
    case "stop_container":
      return { stop_container: name, ...about };
    case "start_container":
      return { start_container: name, ...about };
  }
}

export const hooksValues = (hooks: Schemas["Hooks"] | undefined): HooksValues => ({
  before: (hooks?.before ?? []).map(hookValues),
  after: (hooks?.after ?? []).map(hookValues),
  on_failure: (hooks?.on_failure ?? []).map(hookValues),
});

export const hooksOf = (values: HooksValues): Schemas["Hooks"] => ({
  before: values.before.map(hookOf),
  after: values.after.map(hookOf),
  on_failure: values.on_failure.map(hookOf),
});

/** What a hook does, in a few words that need no translation. */
export function hookTarget(hook: Hook): string {
  const { kind, program, url, name } = hookValues(hook);
  return kind === "command" ? program : kind === "http" ? url : name;
}

export const hookKind = (hook: Hook): HookValues["kind"] => hookValues(hook).kind;
