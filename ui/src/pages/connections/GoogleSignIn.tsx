// Signing in to Google: the code to enter in any browser, and waiting until it was entered.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";

import { answer, api, type Schemas } from "../../api/client";
import type { Connection } from "../../api/queries";
import { useMay } from "../../api/roles";
import { Button, Card, Failure } from "../../components/basics";
import { Copy } from "../../components/Copy";
import { useTexts } from "../../texts";

type Props = {
  started: Schemas["GoogleSignInStarted"];
  project: string;
  /** What is done when the connection is saved. */
  done: () => void;
  /** What is done when nobody waits any more. */
  stop: () => void;
};

export function GoogleSignIn({ started, project, done, stop }: Props) {
  const words = useTexts().records.google;
  const [problem, setProblem] = useState<Error | null>(null);
  const [round, setRound] = useState(0);
  const signIn = useRef(started.sign_in);
  useEffect(() => {
    signIn.current = started.sign_in;
  }, [started]);
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      try {
        const body = { project, sign_in: signIn.current };
        const told = await answer(api.POST("/api/v1/connections/google/device/poll", { body }));
        if (isOver) {
          return;
        }
        signIn.current = told.sign_in ?? signIn.current;
        if (told.state === "done") {
          done();
        } else if (told.state === "failed") {
          setProblem(new Error(told.reason ?? words.failed));
        } else {
          timer = setTimeout(() => void ask(), (told.interval ?? started.interval) * 1000);
        }
      } catch (error) {
        if (!isOver) {
          setProblem(error instanceof Error ? error : new Error(String(error)));
        }
      }
    };
    setProblem(null);
    timer = setTimeout(() => void ask(), started.interval * 1000);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [started, round]);
  return (
    <Card title={words.title}>
      <div className="flex flex-col gap-4" aria-live="polite">
        <p>
          {words.enter}{" "}
          <a className="text-accent underline wrap-anywhere" href={started.verification_url} target="_blank" rel="noreferrer noopener">
            {started.verification_url}
          </a>
        </p>
        <Copy label={words.code} text={started.user_code} />
        {problem === null ? <p className="text-sm text-faint">{words.waiting}</p> : <Failure error={problem} again={() => setRound(round + 1)} />}
        <div>
          <Button onClick={stop}>{words.stop}</Button>
        </div>
      </div>
    </Card>
  );
}

/** The button that signs a connection in again. */
export function SignInAgain({ connection }: { connection: Connection }) {
  const words = useTexts().records.google;
  const queries = useQueryClient();
  const mayEdit = useMay("editConnections", connection.project);
  const start = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/v1/connections/{id}/google/device", { params: { path: { id: connection.id } } })),
  });
  if (!mayEdit) {
    return null;
  }
  const done = () => {
    start.reset();
    void queries.invalidateQueries({ queryKey: ["records"] });
  };
  if (start.data !== undefined) {
    return <GoogleSignIn started={start.data} project={connection.project} done={done} stop={() => start.reset()} />;
  }
  return (
    <div className="flex flex-col gap-2">
      <div>
        <Button disabled={start.isPending} onClick={() => start.mutate()}>
          {start.isPending ? words.starting : words.again}
        </Button>
      </div>
      {start.error !== null && <Failure error={start.error} />}
    </div>
  );
}
