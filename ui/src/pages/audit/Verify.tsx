import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { answer, api } from "../../api/client";
import { Button, Failure } from "../../components/basics";
import { Notice } from "../../components/Notice";
import { useSpeech } from "../../texts";

/** Looks whether any entry was changed or left out. */
export function Verify() {
  const { texts, language } = useSpeech();
  const words = texts.people.audit;
  const verify = useMutation({ mutationFn: () => answer(api.GET("/api/v1/audit/verify")) });
  const bad = verify.data?.first_bad;
  return (
    <section aria-label={words.verify} className="mb-4 rounded-lg border border-line bg-card p-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="min-w-0 grow basis-64 text-sm text-faint">{words.verifyHint}</p>
        <Button disabled={verify.isPending} onClick={() => verify.mutate()}>
          {verify.isPending ? words.verifying : words.verify}
        </Button>
      </div>
      {verify.data !== undefined && (
        <div className="mt-3">
          {typeof bad === "number" ? (
            <div role="alert" className="text-sm font-semibold text-bad">
              {words.bad(bad, verify.data.good.toLocaleString(language))}{" "}
              <Link to="/audit" search={{ cursor: bad + 1, entry: bad }} className="underline">
                {words.showEntry}
              </Link>
            </div>
          ) : (
            <Notice>{words.good(verify.data.good, verify.data.good.toLocaleString(language))}</Notice>
          )}
        </div>
      )}
      {verify.error !== null && (
        <div className="mt-3">
          <Failure error={verify.error} />
        </div>
      )}
    </section>
  );
}
