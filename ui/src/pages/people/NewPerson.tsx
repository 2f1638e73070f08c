import { zodResolver } from "@hookform/resolvers/zod";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { z } from "zod";

import { answer, api, type Schemas } from "../../api/client";
import { me } from "../../api/queries";
import { Button, buttonClass, Card, Failure, Loading, PageHead } from "../../components/basics";
import { EditForm } from "../../components/EditForm";
import { Fields, TextField } from "../../components/fields";
import { Notice } from "../../components/Notice";
import { grantsOf, rolesOf } from "../../lib/grants";
import { ROLES, type Me } from "../../lib/may";
import { useTexts } from "../../texts";
import { Invitation } from "./Invitation";
import { RoleFields } from "./RoleFields";

export function NewPerson() {
  const texts = useTexts();
  const query = useQuery(me());
  const [made, setMade] = useState<Schemas["NewPerson"]>();
  return (
    <>
      <PageHead title={texts.people.add} />
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data && made === undefined && <Form me={query.data} made={setMade} />}
      {made !== undefined && (
        <Card title={texts.people.added(made.name)}>
          {made.link !== undefined && made.mailed !== undefined ? (
            <Invitation link={{ link: made.link, mailed: made.mailed }} email={made.email} />
          ) : (
            <Notice>{texts.people.addedWithPassword}</Notice>
          )}
          <div className="mt-4 flex flex-wrap gap-2">
            <Link to="/people" className={buttonClass("accent")}>
              {texts.people.toList}
            </Link>
            <Button onClick={() => setMade(undefined)}>{texts.people.addAnother}</Button>
          </div>
        </Card>
      )}
    </>
  );
}

function Form({ me, made }: { me: Me; made: (person: Schemas["NewPerson"]) => void }) {
  const texts = useTexts();
  const queries = useQueryClient();
  const schema = z.object({
    name: z.string().trim().min(1, texts.form.required).max(200),
    email: z.string().trim().min(1, texts.form.required),
    password: z.string().refine((text) => text === "" || text.length >= 12, texts.people.account.passwordShort),
    roles: z.record(z.string(), z.enum(["", ...ROLES])),
  });
  const form = useForm<z.infer<typeof schema>>({
    resolver: zodResolver(schema),
    defaultValues: { name: "", email: "", password: "", roles: rolesOf([], me.roles.map(({ project }) => project)) },
  });
  return (
    <EditForm
      form={form}
      action={texts.people.addPerson}
      save={async ({ name, email, password, roles }) => {
        const body = { name, email, grants: grantsOf(roles, []), ...(password !== "" && { password }) };
        made(await answer(api.POST("/api/v1/people", { body })));
      }}
      saved={() => void queries.invalidateQueries({ queryKey: ["people"] })}
      rename={(field) => (field.startsWith("grants") ? "roles" : field)}
    >
      <Fields title={texts.people.who}>
        <TextField name="name" label={texts.form.name} maxLength={200} />
        <TextField name="email" type="email" label={texts.people.account.email} hint={texts.people.emailHint} />
        <TextField
          name="password"
          type="password"
          label={texts.people.firstPassword}
          hint={texts.people.firstPasswordHint}
          autoComplete="new-password"
        />
      </Fields>
      <Fields title={texts.people.rolesHead} hint={texts.people.rolesHint}>
        <RoleFields me={me} />
      </Fields>
    </EditForm>
  );
}
