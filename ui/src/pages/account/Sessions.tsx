import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { answer, api } from "../../api/client";
import { sessions } from "../../api/people";
import { Button, Failure, Loading } from "../../components/basics";
import { Confirm } from "../../components/Confirm";
import { Table } from "../../components/Table";
import { When } from "../../components/When";
import { browserOf } from "../../lib/browser";
import { useTexts } from "../../texts";

export function Sessions() {
  const texts = useTexts();
  const words = texts.people.account;
  const query = useQuery(sessions());
  const queries = useQueryClient();
  const onSettled = () => queries.invalidateQueries({ queryKey: ["account", "sessions"] });
  const end = useMutation({
    mutationFn: (id: string) => answer(api.DELETE("/api/v1/me/sessions/{id}", { params: { path: { id } } })),
    onSettled,
  });
  const endOthers = useMutation({ mutationFn: () => answer(api.DELETE("/api/v1/me/sessions")), onSettled });
  const error = end.error ?? endOthers.error;
  return (
    <div className="flex max-w-3xl flex-col gap-4">
      <p className="text-sm text-faint">{words.sessionsHint}</p>
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data !== undefined && (
        <Table
          label={words.tabs.sessions}
          heads={[words.program, words.address, words.begun, words.lastUsed, texts.people.actions]}
          rows={query.data.map((session) => ({
            key: session.id,
            cells: [
              <span key="p" title={session.user_agent}>
                <span className="font-semibold">{browserOf(session.user_agent) ?? words.unknownProgram}</span>
                {session.current && <span className="ml-2 text-xs font-semibold text-good">{words.thisSession}</span>}
              </span>,
              session.address,
              <When key="b" time={session.created} />,
              <When key="u" time={session.last_used} />,
              session.current ? (
                "–"
              ) : (
                <Button key="e" disabled={end.isPending} onClick={() => end.mutate(session.id)}>
                  {words.endSession}
                </Button>
              ),
            ],
          }))}
        />
      )}
      {error !== null && <Failure error={error} />}
      {query.data !== undefined && query.data.length > 1 && (
        <div>
          <Confirm
            words={{ trigger: words.endOthers, title: words.endOthersSure, hint: words.endOthersHint, yes: words.endOthers }}
            disabled={endOthers.isPending}
            go={() => endOthers.mutate()}
          />
        </div>
      )}
    </div>
  );
}
