// A source that is an instance of MySQL or MariaDB, as its form holds it, and back.

import { z } from "zod";

import type { Schemas } from "../api/client";
import { timeOf, timeText } from "./amount";
import { commandOf, commandValues, isEnvironment, isUnit, noCommand } from "./command";
import { lines } from "./lines";
import { pathLines } from "./pathLines";
import { amount } from "./plan/schedule";

export type MysqlSpec = Extract<Schemas["SourceSpec"], { type: "mysql" }>;
type Cold = MysqlSpec["method"];

export const CONTROLS = ["service", "container", "commands"] as const;
export const SEQUENCES = ["auto", "copy_first", "send_first"] as const;

export type MysqlWords = { required: string; absolute: string; upwards: string; unit: string; variable: string; positive: string };

export function mysqlSchema(words: MysqlWords) {
  const command = z.object({ program: z.string(), arguments: z.string(), environment: z.string() });
  const paths = pathLines(words);
  const limit = amount.refine(({ amount }) => amount === null || amount > 0, words.positive);
  const fields = z.object({
    connection: z.string().min(1, words.required),
    control: z.enum(CONTROLS),
    service: z.string(),
    container: z.string(),
    stop: command,
    start: command,
    sequence: z.enum(SEQUENCES),
    data_dir: paths,
    include: paths,
    spool: paths,
    stop_timeout: limit,
    copy_timeout: limit,
    start_timeout: limit,
  });
  return fields.superRefine((values, { addIssue }) => {
    const wrong = (path: string[], message: string) => addIssue({ code: "custom", path, message });
    if (values.control !== "commands") {
      const name = values[values.control];
      if (!isUnit(name)) {
        wrong([values.control], name.trim() === "" ? words.required : words.unit);
      }
      return;
    }
    for (const which of ["stop", "start"] as const) {
      if (values[which].program.trim() === "") {
        wrong([which, "program"], words.required);
      }
      if (!isEnvironment(values[which].environment)) {
        wrong([which, "environment"], words.variable);
      }
    }
  });
}

export type MysqlValues = z.infer<ReturnType<typeof mysqlSchema>>;

export const emptyMysql: MysqlValues = {
  connection: "",
  control: "service",
  service: "",
  container: "",
  stop: noCommand,
  start: noCommand,
  sequence: "auto",
  data_dir: "",
  include: "",
  spool: "",
  stop_timeout: { amount: 5, unit: "m" },
  copy_timeout: { amount: 6, unit: "h" },
  start_timeout: { amount: 5, unit: "m" },
};

function controlValues(service: Cold["service"]): Partial<MysqlValues> {
  if ("service" in service) {
    return { control: "service", service: service.service };
  }
  if ("container" in service) {
    return { control: "container", container: service.container };
  }
  const { stop, start } = service.commands;
  return { control: "commands", stop: commandValues(stop), start: commandValues(start) };
}

export function mysqlValues({ connection, method }: MysqlSpec): MysqlValues {
  const { service, sequence, data_dir, include = [], spool, stop_timeout, copy_timeout, start_timeout } = method;
  return {
    ...emptyMysql,
    connection,
    ...controlValues(service),
    sequence: sequence ?? "auto",
    data_dir: data_dir ?? "",
    include: include.join("\n"),
    spool: spool ?? "",
    stop_timeout: timeOf(stop_timeout ?? "5m", "m"),
    copy_timeout: timeOf(copy_timeout ?? "6h", "h"),
    start_timeout: timeOf(start_timeout ?? "5m", "m"),
  };
}

function serviceOf(values: MysqlValues): Cold["service"] {
  switch (values.control) {
    case "service":
      return { service: values.service.trim() };
    case "container":
      return { container: values.container.trim() };
    case "commands":
      return { commands: { stop: commandOf(values.stop), start: commandOf(values.start) } };
  }
}

export function mysqlSpec(values: MysqlValues): MysqlSpec {
  const { connection, sequence } = values;
  const [data_dir, spool, include] = [values.data_dir.trim(), values.spool.trim(), lines(values.include)];
  const times = (["stop_timeout", "copy_timeout", "start_timeout"] as const).map((name) => [name, timeText(values[name])] as const);
  return {
    type: "mysql",
    connection,
    method: {
      type: "cold",
      service: serviceOf(values),
      sequence,
      ...(data_dir !== "" && { data_dir }),
      ...(include.length > 0 && { include }),
      ...(spool !== "" && { spool }),
      ...Object.fromEntries(times.filter(([, time]) => time !== null)),
    },
  };
}

/** What is stopped and started, in one line. */
export function controlOf({ service }: Cold): { control: MysqlValues["control"]; target: string } {
  if ("service" in service) {
    return { control: "service", target: service.service };
  }
  if ("container" in service) {
    return { control: "container", target: service.container };
  }
  const { program, arguments: given = [] } = service.commands.stop;
  return { control: "commands", target: [program, ...given].join(" ") };
}
