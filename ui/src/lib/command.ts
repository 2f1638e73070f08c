// A program with its arguments and variables, as forms hold it, and back.

import type { Schemas } from "../api/client";
import { lines } from "./lines";

export type CommandValues = { program: string; arguments: string; environment: string };

export const noCommand: CommandValues = { program: "", arguments: "", environment: "" };

export const isEnvironment = (text: string): boolean => lines(text).every((line) => line.indexOf("=") > 0);

export function commandValues({ program, arguments: given = [], environment = {} }: Schemas["CommandAction"]): CommandValues {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return { program, arguments: given.join("\n"), environment: variables.join("\n") };
}

export function commandOf(values: CommandValues): Schemas["CommandAction"] {
  const variables = lines(values.environment).map((line): [string, string] => {
    const end = line.indexOf("=");
    return [line.slice(0, end), line.slice(end + 1)];
  });
  // An argument may have spaces around it, so that lines are taken as they are.
  const given = values.arguments === "" ? [] : values.arguments.split("\n");
  return { program: values.program.trim(), arguments: given, environment: Object.fromEntries(variables) };
}

/** What services and containers are called. */
export const isUnit = (name: string): boolean => /^[\w.@:][\w.@:-]*$/.test(name.trim());
