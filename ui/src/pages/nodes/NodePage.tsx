import { zodResolver } from "@hookform/resolvers/zod";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { Ban } from "lucide-react";
import { useMemo } from "react";
import { useForm } from "react-hook-form";
import { z } from "zod";

import { answer, api } from "../../api/client";
import { connections, sources, type Node } from "../../api/queries";
import { node } from "../../api/records";
import { useMay } from "../../api/roles";
import { Card, Failure, PageHead, buttonClass } from "../../components/basics";
import { Confirm } from "../../components/Confirm";
import { EditForm } from "../../components/EditForm";
import { Fields, TextField } from "../../components/fields";
import { Facts } from "../../components/Facts";
import { One } from "../../components/One";
import { RecordLinks } from "../../components/RecordLinks";
import { Remove } from "../../components/Remove";
import { useTexts } from "../../texts";
import { useNodeFacts } from "./NodeFacts";

const route = getRouteApi("/nodes/$id");

export function NodePage() {
  const { id } = route.useParams();
  return <One query={useQuery(node(id))} list="nodes">{(found) => <Page key={id} node={found} />}</One>;
}

function Page({ node: found }: { node: Node }) {
  const texts = useTexts();
  const words = texts.node;
  const navigate = route.useNavigate();
  const mayManage = useMay("manageNodes", found.project);
  const mine = <T extends { node: string }>(records: T[] | undefined) =>
    (records ?? []).filter((record) => record.node === found.id);
  const [read, ways] = [mine(useQuery(sources()).data), mine(useQuery(connections()).data)];
  const toList = () => navigate({ to: "/nodes" });
  return (
    <>
      <PageHead title={found.name}>
        <Link to="/runs" search={{ node: found.id }} className="text-sm text-accent hover:underline">
          {texts.pages.runs}
        </Link>
      </PageHead>
      <div className="flex flex-col gap-4">
        {found.revoked && <p className="border-l-4 border-bad pl-3 font-semibold text-bad">{words.revoked}</p>}
        {found.trouble && <p className="border-l-4 border-bad pl-3 wrap-anywhere">{found.trouble}</p>}
        <Card>
          <Facts
            facts={[
              ...useNodeFacts(found),
              [texts.pages.sources, <RecordLinks key="sources" to="/sources/$id" records={read} />],
              [texts.pages.connections, <RecordLinks key="connections" to="/connections/$id" records={ways} />],
            ]}
          />
        </Card>
        {mayManage && <Rename node={found} done={() => void toList()} />}
        {mayManage && !found.local && (
          <div className="flex flex-wrap items-start gap-2">
            {found.revoked ? (
              <Link to="/nodes/new" search={{ node: found.id }} className={buttonClass()}>
                {words.joinAgain}
              </Link>
            ) : (
              <Revoke node={found} />
            )}
            <Remove
              name={found.name}
              hint={words.removeHint}
              go={() => answer(api.DELETE("/api/v1/nodes/{id}", { params: { path: { id: found.id } } }))}
              gone={toList}
            />
          </div>
        )}
      </div>
    </>
  );
}

function Rename({ node: found, done }: { node: Node; done: () => void }) {
  const texts = useTexts();
  const queries = useQueryClient();
  const schema = useMemo(() => z.object({ name: z.string().trim().min(1, texts.form.required) }), [texts]);
  const form = useForm<{ name: string }>({ defaultValues: { name: found.name }, resolver: zodResolver(schema) });
  const save = async (body: { name: string }) => {
    await answer(api.PUT("/api/v1/nodes/{id}", { params: { path: { id: found.id } }, body }));
    await queries.invalidateQueries({ queryKey: ["nodes"] });
  };
  return (
    <EditForm form={form} action={texts.node.rename} save={save} saved={done}>
      <Fields title={texts.node.rename}>
        <TextField name="name" label={texts.form.name} maxLength={200} />
      </Fields>
    </EditForm>
  );
}

/** Shuts a node out when one is sure. */
function Revoke({ node: found }: { node: Node }) {
  const words = useTexts().node;
  const queries = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/nodes/{id}/revoke", { params: { path: { id: found.id } } })),
    onSettled: () => queries.invalidateQueries({ queryKey: ["nodes"] }),
  });
  const trigger = (
    <>
      <Ban aria-hidden size={16} />
      {words.revoke}
    </>
  );
  return (
    <div className="flex flex-col items-start gap-3">
      <Confirm
        words={{ trigger, title: words.revokeSure(found.name), hint: words.revokeHint, yes: words.revoke }}
        disabled={revoke.isPending}
        go={() => revoke.mutate()}
      />
      {revoke.error !== null && <Failure error={revoke.error} />}
    </div>
  );
}
