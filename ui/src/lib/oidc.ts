// The provider at which people sign in, as a form has it.

import type { Schemas } from "../api/client";
import type { Role } from "./may";

type Settings = Schemas["OidcSettings"];

export type OidcForm = {
  issuer: string;
  client_id: string;
  client_secret: string;
  name: string;
  scopes: string;
  email_domains: string;
  create_people: boolean;
  claim: string;
  values: { value: string; role: Role }[];
};

const words = (text: string) => text.split(/\s+/).filter((word) => word !== "");

export function formOf(settings: Settings | null): OidcForm {
  return {
    issuer: settings?.issuer ?? "",
    client_id: settings?.client_id ?? "",
    client_secret: "",
    name: settings?.name ?? "",
    scopes: (settings?.scopes ?? []).join("\n"),
    email_domains: (settings?.email_domains ?? []).join("\n"),
    create_people: settings?.create_people ?? false,
    claim: settings?.roles?.claim ?? "",
    values: Object.entries(settings?.roles?.values ?? {}).map(([value, role]) => ({ value, role })),
  };
}

/** What is sent. Without a claim nobody gets a role by it; a secret that is left empty stays. */
export function settingsOf({ claim, values, client_secret, ...form }: OidcForm): Settings {
  const roles = { claim: claim.trim(), values: Object.fromEntries(values.map(({ value, role }) => [value.trim(), role])) };
  return {
    issuer: form.issuer.trim(),
    client_id: form.client_id.trim(),
    name: form.name.trim(),
    create_people: form.create_people,
    scopes: words(form.scopes),
    email_domains: words(form.email_domains),
    roles: roles.claim === "" ? null : roles,
    ...(client_secret !== "" && { client_secret }),
  };
}
