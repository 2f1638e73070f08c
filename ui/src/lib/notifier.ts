// Notifiers as forms have them.

import type { Schemas } from "../api/client";

type Channel = Schemas["Channel"];
export type Kind = Channel["type"];
export const KINDS = ["email", "webhook", "command"] as const satisfies readonly Kind[];

export const NOTICES = ["failed", "missed", "trouble", "warning", "recovered", "summary"] as const satisfies readonly Schemas["NoticeKind"][];
export const PERIODS = ["daily", "weekly", "monthly"] as const;

export type NotifierForm = {
  name: string;
  project: string;
  on: (typeof NOTICES)[number][];
  summary: (typeof PERIODS)[number];
  to: string;
  url: string;
  secret: string;
  allow_private: boolean;
  program: string;
  args: string;
};

export const EMPTY: NotifierForm = {
  name: "",
  project: "",
  on: ["failed", "missed", "trouble", "warning", "recovered"],
  summary: "weekly",
  to: "",
  url: "",
  secret: "",
  allow_private: false,
  program: "",
  args: "",
};

const lines = (text: string) => text.split("\n").filter((line) => line.trim() !== "");

export function channelOf(kind: Kind, form: NotifierForm): Channel {
  switch (kind) {
    case "email":
      return { type: kind, to: lines(form.to).map((line) => line.trim()) };
    case "webhook":
      return {
        type: kind,
        url: form.url.trim(),
        allow_private: form.allow_private,
        ...(form.secret !== "" && { secret: form.secret }),
      };
    case "command":
      return { type: kind, program: form.program.trim(), args: lines(form.args) };
  }
}

export function formOf(notifier: Schemas["Notifier"]): NotifierForm {
  const { name, project, on, summary, channel } = notifier;
  const form: NotifierForm = { ...EMPTY, name, project, on, summary: summary ?? EMPTY.summary };
  switch (channel.type) {
    case "email":
      return { ...form, to: channel.to.join("\n") };
    case "webhook":
      return { ...form, url: channel.url, allow_private: channel.allow_private ?? false };
    case "command":
      return { ...form, program: channel.program, args: (channel.args ?? []).join("\n") };
  }
}

/** The server's names of fields, as the form has them. */
export const fieldOf = (field: string): string => field.replace(/^channel\./, "").replace(/\.\d+$/, "");

/** Where a channel leads, in a line. */
export function target(channel: Channel): string {
  switch (channel.type) {
    case "email":
      return channel.to.join(", ");
    case "webhook":
      return channel.url;
    case "command":
      return [channel.program, ...(channel.args ?? [])].join(" ");
  }
}
