// People, their accounts, and what concerns the whole server, as pages ask the server for it.

import { queryOptions } from "@tanstack/react-query";

import { asked, type AuditFilter } from "../lib/audit";
import { answer, api, Problem, type Schemas } from "./client";

export type Person = Schemas["Person"];
export type Grant = Schemas["Grant"];
export type Project = Schemas["Project"];
export type Notifier = Schemas["Notifier"];
export type ApiToken = Schemas["ApiToken"];

/** A setting that may not be there. */
async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) {
      return null;
    }
    throw error;
  }
}

export const passkeys = () =>
  queryOptions({
    queryKey: ["account", "passkeys"],
    queryFn: async () => (await answer(api.GET("/api/v1/me/passkeys"))).items,
  });

export const sessions = () =>
  queryOptions({
    queryKey: ["account", "sessions"],
    queryFn: async () => (await answer(api.GET("/api/v1/me/sessions"))).items,
  });

export const tokens = () =>
  queryOptions({
    queryKey: ["account", "tokens"],
    queryFn: async () => (await answer(api.GET("/api/v1/me/tokens"))).items,
  });

export const people = () =>
  queryOptions({ queryKey: ["people"], queryFn: async () => (await answer(api.GET("/api/v1/people"))).items });

export const person = (id: string) =>
  queryOptions({
    queryKey: ["people", id],
    queryFn: () => answer(api.GET("/api/v1/people/{id}", { params: { path: { id } } })),
  });

export const members = (project: string) =>
  queryOptions({
    queryKey: ["people", "of", project],
    queryFn: async () =>
      (await answer(api.GET("/api/v1/projects/{id}/people", { params: { path: { id: project } } }))).items,
  });

export const projects = () =>
  queryOptions({
    queryKey: ["records", "projects"],
    queryFn: async () => (await answer(api.GET("/api/v1/projects"))).items,
  });

export const notifiers = (project?: string) =>
  queryOptions({
    queryKey: ["notifiers", project],
    queryFn: async () =>
      (await answer(api.GET("/api/v1/notifiers", { params: { query: { ...(project && { project }) } } }))).items,
  });

export const notifier = (id: string) =>
  queryOptions({
    queryKey: ["notifiers", "one", id],
    queryFn: () => answer(api.GET("/api/v1/notifiers/{id}", { params: { path: { id } } })),
  });

export const signInSettings = () =>
  queryOptions({ queryKey: ["settings", "sign-in"], queryFn: () => answer(api.GET("/api/v1/settings/sign-in")) });

export const smtpSettings = () =>
  queryOptions({ queryKey: ["settings", "smtp"], queryFn: () => orNull(answer(api.GET("/api/v1/settings/smtp"))) });

export const oidcSettings = () =>
  queryOptions({ queryKey: ["settings", "oidc"], queryFn: () => orNull(answer(api.GET("/api/v1/settings/oidc"))) });

export const retentionSettings = () =>
  queryOptions({ queryKey: ["settings", "retention"], queryFn: () => answer(api.GET("/api/v1/settings/retention")) });

export const checkSettings = () =>
  queryOptions({
    queryKey: ["settings", "checks"],
    queryFn: () => answer(api.GET("/api/v1/settings/connection-checks")),
  });

export const vault = () =>
  queryOptions({ queryKey: ["settings", "vault"], queryFn: async () => (await answer(api.GET("/api/v1/vault"))).items });

export const audit = (filter: AuditFilter, cursor: number | undefined) =>
  queryOptions({
    queryKey: ["audit", filter, cursor],
    queryFn: () =>
      answer(api.GET("/api/v1/audit", { params: { query: { ...asked(filter), ...(cursor !== undefined && { cursor }) } } })),
  });
