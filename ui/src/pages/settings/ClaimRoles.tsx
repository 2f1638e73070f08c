import { Plus, X } from "lucide-react";
import { useFieldArray, useFormContext } from "react-hook-form";

import { Button } from "../../components/basics";
import { SelectField, TextField } from "../../components/fields";
import { ROLES } from "../../lib/may";
import type { OidcForm } from "../../lib/oidc";
import { useTexts } from "../../texts";

/** Which role what the provider says of people gives in the home project. */
export function ClaimRoles() {
  const texts = useTexts();
  const words = texts.people.settings;
  const { control } = useFormContext<OidcForm>();
  const { fields, append, remove } = useFieldArray({ control, name: "values" });
  const roles = ROLES.map((role) => [role, texts.people.roles[role]] as const);
  return (
    <fieldset className="flex flex-col gap-3">
      <legend className="mb-1 text-sm font-semibold">{words.claimRoles}</legend>
      <p className="text-xs text-faint">{words.claimRolesHint}</p>
      <TextField name="claim" label={words.claim} placeholder="groups" spellCheck={false} />
      {fields.map((field, place) => (
        <div key={field.id} className="flex flex-wrap items-end gap-2">
          <div className="min-w-0 grow basis-40">
            <TextField name={`values.${place}.value`} label={words.claimValue(place + 1)} />
          </div>
          <div className="grow basis-32">
            <SelectField name={`values.${place}.role`} label={words.claimRole(place + 1)} choices={roles} />
          </div>
          <Button aria-label={words.removeValue(place + 1)} onClick={() => remove(place)}>
            <X aria-hidden size={16} />
          </Button>
        </div>
      ))}
      <div>
        <Button onClick={() => append({ value: "", role: "viewer" })}>
          <Plus aria-hidden size={16} />
          {words.addValue}
        </Button>
      </div>
    </fieldset>
  );
}
