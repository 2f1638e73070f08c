import { zodResolver } from "@hookform/resolvers/zod";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { z } from "zod";

import { answer, api } from "../../api/client";
import { person, type Person } from "../../api/people";
import { me } from "../../api/queries";
import { Loading, PageHead } from "../../components/basics";
import { EditForm } from "../../components/EditForm";
import { CheckField, Fields, TextField } from "../../components/fields";
import { Unshown } from "../../components/One";
import { Notice } from "../../components/Notice";
import { grantsOf, rolesOf } from "../../lib/grants";
import { ROLES, type Me } from "../../lib/may";
import { useTexts } from "../../texts";
import { PersonAccess } from "./PersonAccess";
import { RoleFields } from "./RoleFields";

const route = getRouteApi("/people/$id");

export function PersonPage() {
  const { id } = route.useParams();
  const navigate = useNavigate();
  const query = useQuery(person(id));
  const own = useQuery(me());
  if (!query.data || !own.data) {
    const failed = query.error ?? own.error;
    return failed === null ? <Loading /> : <Unshown error={failed} again={() => void query.refetch()} list="people" />;
  }
  return (
    <>
      <PageHead title={<bdi>{query.data.name}</bdi>} />
      <div className="flex max-w-3xl flex-col gap-4">
        <Form key={id} person={query.data} me={own.data} />
        <PersonAccess person={query.data} gone={() => void navigate({ to: "/people" })} />
      </div>
    </>
  );
}

function Form({ person, me }: { person: Person; me: Me }) {
  const texts = useTexts();
  const queries = useQueryClient();
  const [isSaved, setSaved] = useState(false);
  const known = me.roles.map(({ project }) => project);
  const others = person.grants.filter(({ project }) => !known.includes(project)).length;
  const schema = z.object({
    name: z.string().trim().min(1, texts.form.required).max(200),
    email: z.string().trim().min(1, texts.form.required),
    disabled: z.boolean(),
    roles: z.record(z.string(), z.enum(["", ...ROLES])),
  });
  const { name, email, disabled = false, grants } = person;
  const form = useForm<z.infer<typeof schema>>({
    resolver: zodResolver(schema),
    values: { name, email, disabled, roles: rolesOf(grants, known) },
    resetOptions: { keepDirtyValues: true },
  });
  return (
    <EditForm
      form={form}
      action={texts.form.save}
      save={({ roles, ...values }) => {
        const body = { ...values, grants: grantsOf(roles, grants) };
        return answer(api.PUT("/api/v1/people/{id}", { params: { path: { id: person.id } }, body }));
      }}
      saved={() => {
        form.reset(form.getValues());
        setSaved(true);
        void queries.invalidateQueries({ queryKey: ["people"] });
        void queries.invalidateQueries({ queryKey: ["me"] });
      }}
      rename={(field) => (field.startsWith("grants") ? "roles" : field)}
      aside={isSaved && !form.formState.isDirty && <Notice>{texts.people.saved}</Notice>}
    >
      <Fields title={texts.people.who}>
        <TextField name="name" label={texts.form.name} maxLength={200} />
        <TextField name="email" type="email" label={texts.people.account.email} hint={texts.people.emailHint} />
        <CheckField name="disabled" label={texts.people.bar} hint={texts.people.barHint} />
      </Fields>
      <Fields title={texts.people.rolesHead} hint={texts.people.rolesHint}>
        <RoleFields me={me} />
        {others > 0 && <p className="text-sm text-faint">{texts.people.otherRoles(others)}</p>}
      </Fields>
    </EditForm>
  );
}
