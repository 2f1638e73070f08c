import { zodResolver } from "@hookform/resolvers/zod";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { z } from "zod";

import { answer, api } from "../../api/client";
import { tokens } from "../../api/people";
import { Button, Card, Empty, Failure, Loading } from "../../components/basics";
import { Confirm } from "../../components/Confirm";
import { Once } from "../../components/Once";
import { EditForm } from "../../components/EditForm";
import { Fields, SelectField, TextField } from "../../components/fields";
import { Table } from "../../components/Table";
import { When } from "../../components/When";
import { ROLES, type Me } from "../../lib/may";
import { useTexts } from "../../texts";

export function Tokens({ me }: { me: Me }) {
  const texts = useTexts();
  const words = texts.people.account;
  const query = useQuery(tokens());
  const queries = useQueryClient();
  const [key, setKey] = useState("");
  const again = () => queries.invalidateQueries({ queryKey: ["account", "tokens"] });
  const remove = useMutation({
    mutationFn: (id: string) => answer(api.DELETE("/api/v1/me/tokens/{id}", { params: { path: { id } } })),
    onSettled: again,
  });
  const nameOf = (project: string | null | undefined) =>
    project ? (me.roles.find((role) => role.project === project)?.name ?? project) : texts.people.allProjects;
  return (
    <div className="flex max-w-3xl flex-col gap-4">
      <p className="text-sm text-faint">
        {words.tokensHint}{" "}
        <a href="/api/v1/openapi.json" target="_blank" rel="noreferrer" className="text-accent underline">
          {words.apiDocument}
        </a>
      </p>
      {key !== "" && (
        <Card title={words.tokenMade}>
          <Once label={words.tokenKey} text={key} hint={words.tokenKeyHint} />
          <Button className="mt-3" onClick={() => setKey("")}>
            {words.tokenDone}
          </Button>
        </Card>
      )}
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data?.length === 0 && <Empty title={words.noTokens} />}
      {query.data !== undefined && query.data.length > 0 && (
        <Table
          label={words.tabs.tokens}
          heads={[texts.form.name, words.mostRole, texts.form.project, words.expires, words.lastUsed, texts.people.actions]}
          rows={query.data.map((token) => ({
            key: token.id,
            cells: [
              <span key="n" className="font-semibold">
                {token.name}
              </span>,
              texts.people.roles[token.role],
              nameOf(token.project),
              <When key="e" time={token.expires} />,
              <When key="u" time={token.last_used} />,
              <Confirm
                key="r"
                words={{
                  trigger: texts.form.remove,
                  label: `${texts.form.remove}: ${token.name}`,
                  title: words.removeToken(token.name),
                  hint: words.removeTokenHint,
                  yes: texts.form.remove,
                }}
                disabled={remove.isPending}
                go={() => remove.mutate(token.id)}
              />,
            ],
          }))}
        />
      )}
      {remove.error !== null && <Failure error={remove.error} />}
      <NewToken
        me={me}
        made={(key) => {
          setKey(key);
          void again();
        }}
      />
    </div>
  );
}

const DAYS = ["30", "90", "365", ""] as const;
const DAY = 86_400_000;

function NewToken({ me, made }: { me: Me; made: (key: string) => void }) {
  const texts = useTexts();
  const words = texts.people.account;
  const schema = z.object({
    name: z.string().trim().min(1, texts.form.required).max(200),
    role: z.enum(ROLES),
    project: z.string(),
    days: z.enum(DAYS),
  });
  const form = useForm<z.infer<typeof schema>>({
    resolver: zodResolver(schema),
    defaultValues: { name: "", role: "viewer", project: "", days: "90" },
  });
  return (
    <EditForm
      form={form}
      action={words.makeToken}
      save={async ({ name, role, project, days }) => {
        const expires = days === "" ? {} : { expires: new Date(Date.now() + Number(days) * DAY).toISOString() };
        const body = { name, role, ...(project !== "" && { project }), ...expires };
        made((await answer(api.POST("/api/v1/me/tokens", { body }))).key);
      }}
      saved={() => form.reset()}
    >
      <Fields title={words.newToken}>
        <TextField name="name" label={words.tokenName} maxLength={200} placeholder={words.tokenExample} />
        <SelectField
          name="role"
          label={words.mostRole}
          hint={words.mostRoleHint}
          choices={ROLES.map((role) => [role, `${texts.people.roles[role]}: ${texts.people.roleHints[role]}`] as const)}
        />
        <SelectField
          name="project"
          label={texts.form.project}
          choices={[["", texts.people.allProjects], ...me.roles.map(({ project, name }) => [project, name] as const)]}
        />
        <SelectField name="days" label={words.expires} choices={DAYS.map((days) => [days, words.days[days]] as const)} />
      </Fields>
    </EditForm>
  );
}
