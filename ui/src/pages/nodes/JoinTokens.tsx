import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { X } from "lucide-react";

import { answer, api, type Schemas } from "../../api/client";
import { joinTokens } from "../../api/records";
import { Button, Card, Failure } from "../../components/basics";
import { When } from "../../components/When";
import { useTexts } from "../../texts";

/** Tokens that nobody has used yet. */
export function JoinTokens() {
  const words = useTexts().node;
  const { data, error } = useQuery(joinTokens());
  if (error !== null) {
    return <Failure error={error} />;
  }
  return data === undefined || data.length === 0 ? null : (
    <Card title={words.tokens}>
      <ul className="divide-y divide-line">
        {data.map((token) => (
          <li key={token.id} className="py-3 first:pt-0 last:pb-0">
            <Token token={token} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Token({ token }: { token: Schemas["JoinToken"] }) {
  const words = useTexts().node;
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v1/nodes/tokens/{id}", { params: { path: { id: token.id } } })),
    onSettled: () => queries.invalidateQueries({ queryKey: ["nodes"] }),
  });
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-3 text-sm">
        <p className="min-w-0 wrap-anywhere">
          <span className="font-semibold">{token.name ?? words.unnamed}</span>{" "}
          <span className="text-faint">
            {token.by} · {words.expires} <When time={token.expires} /> · <code>{token.id}</code>
          </span>
        </p>
        <Button
          disabled={remove.isPending}
          aria-label={`${words.takeBack}: ${token.name ?? token.id}`}
          onClick={() => remove.mutate()}
        >
          <X aria-hidden size={16} />
          {words.takeBack}
        </Button>
      </div>
      {remove.error !== null && <Failure error={remove.error} />}
    </>
  );
}
