import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { answer, api, type Schemas } from "../../../api/client";
import { PageHead, buttonClass } from "../../../components/basics";
import { emptyClient, grantsOf, type ClientValues } from "../../../lib/receiver";
import { useTexts } from "../../../texts";
import { BackLink } from "./BackLink";
import { ClientForm } from "./ClientForm";
import { OwnerOnly } from "../OwnerOnly";
import { TokenCard } from "./TokenCard";

/** Lets a client in: what it may, and then its token. */
export function NewClient() {
  const words = useTexts().receiver;
  const queries = useQueryClient();
  const [made, setMade] = useState<Schemas["ReceiverClientToken"]>();
  const save = async (values: ClientValues) => {
    const { name, folder } = values;
    const body = { name, ...(folder !== "" && { folder }), ...grantsOf(values) };
    const client = await answer(api.POST("/api/v1/receiver/clients", { body }));
    await queries.invalidateQueries({ queryKey: ["receiver"] });
    return client;
  };
  return (
    <>
      <BackLink />
      <PageHead title={words.add} />
      <OwnerOnly>
        {made?.token ? (
          <div className="max-w-3xl">
            <TokenCard title={words.made(made.name)} token={made.token}>
              <Link to="/settings/receiver/clients/$client" params={{ client: made.name }} className={buttonClass()}>
                {words.toClient}
              </Link>
            </TokenCard>
          </div>
        ) : (
          <ClientForm isNew values={emptyClient} save={save} saved={setMade} />
        )}
      </OwnerOnly>
    </>
  );
}
