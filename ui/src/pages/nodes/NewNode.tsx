import { zodResolver } from "@hookform/resolvers/zod";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { z } from "zod";

import { answer, api, type Schemas } from "../../api/client";
import { nodes } from "../../api/queries";
import { PageHead } from "../../components/basics";
import { EditForm } from "../../components/EditForm";
import { Fields, SelectField, TextField } from "../../components/fields";
import { NewRecord } from "../../components/NewRecord";
import { ProjectField } from "../../components/Where";
import { useTexts } from "../../texts";
import { JoinCommand } from "./JoinCommand";
import { JoinTokens } from "./JoinTokens";

const route = getRouteApi("/nodes/new");
const TIMES = ["1h", "1d", "7d"] as const;

type Values = { project: string; name: string; rejoin: string; expires_in: (typeof TIMES)[number] };

const schema = z.object({
  project: z.string(),
  name: z.string().trim(),
  rejoin: z.string(),
  expires_in: z.enum(TIMES),
});

/** Lets a computer join: a token for it, what to enter there, and the wait until it is there. */
export function NewNode() {
  const texts = useTexts();
  const [made, setMade] = useState<Schemas["NewJoinToken"] | null>(null);
  return (
    <>
      <PageHead title={texts.node.add} />
      <div className="flex max-w-3xl flex-col gap-4">
        <NewRecord action="manageNodes">
          {(project) => (made === null ? <Form project={project} done={setMade} /> : <JoinCommand made={made} />)}
        </NewRecord>
        <JoinTokens />
      </div>
    </>
  );
}

function Form({ project, done }: { project: string; done: (made: Schemas["NewJoinToken"]) => void }) {
  const texts = useTexts();
  const words = texts.node;
  const queries = useQueryClient();
  const { node = "" } = route.useSearch();
  const { data } = useQuery(nodes());
  const form = useForm<Values>({
    defaultValues: {
      project: data?.find(({ id }) => id === node)?.project ?? project,
      name: "",
      rejoin: node,
      expires_in: "1h",
    },
    resolver: zodResolver(schema),
  });
  const agents = (data ?? []).filter((node) => node.project === form.watch("project") && !node.local);
  const save = async ({ project, name, rejoin, expires_in }: Values) => {
    const body = { project, expires_in, ...(name !== "" && { name }), ...(rejoin !== "" && { rejoin }) };
    const token = await answer(api.POST("/api/v1/nodes/tokens", { body }));
    await queries.invalidateQueries({ queryKey: ["nodes"] });
    return token;
  };
  return (
    <EditForm form={form} action={words.makeToken} save={save} saved={done}>
      <Fields title={words.which} hint={words.whichHint}>
        <ProjectField action="manageNodes" />
        <TextField name="name" label={texts.form.name} hint={words.nameHint} maxLength={200} />
        {agents.length > 0 && (
          <SelectField
            name="rejoin"
            label={words.rejoin}
            hint={words.rejoinHint}
            choices={[["", words.rejoinNone] as const, ...agents.map(({ id, name }) => [id, name] as const)]}
          />
        )}
        <SelectField
          name="expires_in"
          label={words.expiresIn}
          choices={TIMES.map((time) => [time, words.times[time]] as const)}
        />
      </Fields>
    </EditForm>
  );
}
