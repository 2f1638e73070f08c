import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { KeyRound } from "lucide-react";

import { answer, api } from "../../../api/client";
import { client, type Client } from "../../../api/receiver";
import { Button, Card, Failure, PageHead } from "../../../components/basics";
import { Confirm } from "../../../components/Confirm";
import { Facts } from "../../../components/Facts";
import { Name } from "../../../components/Name";
import { One } from "../../../components/One";
import { Opened } from "../../../components/Opened";
import { Remove } from "../../../components/Remove";
import { When } from "../../../components/When";
import { size } from "../../../lib/format";
import { clientValues, grantsOf } from "../../../lib/receiver";
import { useSpeech, useTexts } from "../../../texts";
import { BackLink } from "./BackLink";
import { ClientForm } from "./ClientForm";
import { Expiry, Stored } from "./Clients";
import { Files } from "./Files";
import { OwnerOnly } from "../OwnerOnly";
import { TokenCard } from "./TokenCard";
import { Uploads } from "./Uploads";

const route = getRouteApi("/settings/receiver/clients/$client");

export function ClientPage() {
  const { client: name } = route.useParams();
  return (
    <>
      <BackLink />
      <PageHead title={<Name>{name}</Name>} />
      <OwnerOnly>
        <Known key={name} name={name} />
      </OwnerOnly>
    </>
  );
}

function Known({ name }: { name: string }) {
  const { after } = route.useSearch();
  return (
    <One query={useQuery(client(name))}>
      {(found) => (
        <div className="flex flex-col gap-4">
          <About client={found} />
          <Files client={name} after={after} />
          <Uploads client={name} />
          <Edit client={found} />
        </div>
      )}
    </One>
  );
}

function About({ client: found }: { client: Client }) {
  const { texts, language } = useSpeech();
  const words = texts.receiver;
  const { folder, append_only, has_token, certificate_sha256, promised, created } = found;
  const proof = certificate_sha256 ? (has_token ? "both" : "certificate") : "token";
  return (
    <Card>
      <Facts
        facts={[
          [words.clientFolder, <Name key="folder">{folder}</Name>],
          [words.stored, <Stored key="stored" client={found} />],
          [words.promised, promised > 0 && size(promised, language)],
          [words.quota, found.quota == null && words.noQuota],
          [words.may, words.mays[append_only ? "append" : "all"]],
          [words.expires, <Expiry key="expires" client={found} />],
          [words.proof, words.proofs[proof]],
          [words.since, <When key="since" time={created} />],
        ]}
      />
    </Card>
  );
}

function Edit({ client: found }: { client: Client }) {
  const words = useTexts().receiver;
  const queries = useQueryClient();
  const navigate = route.useNavigate();
  const params = { path: { name: found.name } };
  const anew = () => queries.invalidateQueries({ queryKey: ["receiver"] });
  const back = () => navigate({ to: "/settings/$section", params: { section: "receiver" } });
  return (
    <>
      <Opened record={found} fetch={() => queries.fetchQuery({ ...client(found.name), staleTime: 0 })}>
        {(opened, reload) => (
          <ClientForm
            isNew={false}
            values={clientValues(opened)}
            save={async (values) => {
              const body = { revision: opened.revision, ...grantsOf(values, opened.expires) };
              await answer(api.PUT("/api/v1/receiver/clients/{name}", { params, body }));
              await anew();
            }}
            saved={() => void back()}
            reload={reload}
          />
        )}
      </Opened>
      {found.has_token && <NewToken client={found} />}
      <Remove
        name={found.name}
        action={words.turnAway}
        hint={words.turnAwayHint}
        go={() => answer(api.DELETE("/api/v1/receiver/clients/{name}", { params }))}
        gone={async () => {
          await back();
          queries.removeQueries({ queryKey: ["receiver", "client", found.name] });
        }}
      />
    </>
  );
}

/** Another token in place of the one that a client has. */
function NewToken({ client: { name } }: { client: Client }) {
  const words = useTexts().receiver;
  const queries = useQueryClient();
  const renew = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/receiver/clients/{name}/token", { params: { path: { name } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["receiver"] }),
    gcTime: 0,
  });
  if (renew.data?.token) {
    return (
      <div className="max-w-3xl">
        <TokenCard title={words.madeAgain} token={renew.data.token}>
          <Button onClick={() => renew.reset()}>{words.done}</Button>
        </TokenCard>
      </div>
    );
  }
  const trigger = (
    <>
      <KeyRound aria-hidden size={16} />
      {words.renew}
    </>
  );
  return (
    <div className="flex flex-col items-start gap-3">
      <Confirm
        words={{ trigger, title: words.renewSure, hint: words.renewHint, yes: words.renew }}
        disabled={renew.isPending}
        go={() => renew.mutate()}
      />
      {renew.error !== null && <Failure error={renew.error} />}
    </div>
  );
}
