import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { answer, api } from "../../api/client";
import { vault } from "../../api/people";
import { Failure, Loading } from "../../components/basics";
import { Confirm } from "../../components/Confirm";
import { Notice } from "../../components/Notice";
import { Table } from "../../components/Table";
import { useSpeech } from "../../texts";

const COLOURS = { primary: "text-good", older: "text-faint", missing: "text-bad" } as const;

/** The keys that secrets are sealed with; only their ids are told. */
export function Vault() {
  const { texts, language } = useSpeech();
  const words = texts.people.settings;
  const queries = useQueryClient();
  const query = useQuery(vault());
  const rotate = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/vault/rotate")),
    onSettled: () => queries.invalidateQueries({ queryKey: ["settings", "vault"] }),
  });
  return (
    <div className="flex max-w-3xl flex-col gap-4">
      <p className="text-sm text-faint">{words.vaultHint}</p>
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data && (
        <Table
          label={words.tabs.vault}
          heads={[words.key, words.keyState, words.sealed]}
          rows={query.data.map(({ id, state, values }) => ({
            key: id,
            cells: [
              <code key="i">{id}</code>,
              <span key="s" className={`font-semibold ${COLOURS[state]}`}>
                {words.keyStates[state]}
              </span>,
              values.toLocaleString(language),
            ],
          }))}
        />
      )}
      <div>
        <Confirm
          words={{ trigger: rotate.isPending ? words.rotating : words.rotate, title: words.rotateSure, hint: words.rotateHint, yes: words.rotate }}
          disabled={rotate.isPending}
          go={() => rotate.mutate()}
        />
      </div>
      {rotate.data && (
        <>
          <Notice>{words.rotated(rotate.data.resealed, rotate.data.resealed.toLocaleString(language))}</Notice>
          {rotate.data.failed.length > 0 && (
            <div role="alert" className="rounded-lg border border-bad bg-card p-4 text-sm">
              <p className="font-semibold text-bad">{words.notSealed}</p>
              <ul className="mt-1 list-disc pl-5 wrap-anywhere">
                {rotate.data.failed.map((failed) => (
                  <li key={failed}>{failed}</li>
                ))}
              </ul>
            </div>
          )}
        </>
      )}
      {rotate.error !== null && <Failure error={rotate.error} />}
    </div>
  );
}
