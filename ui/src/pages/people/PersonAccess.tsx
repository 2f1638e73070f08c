import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { answer, api } from "../../api/client";
import { oidcSettings, type Person } from "../../api/people";
import { Button, Card, Failure } from "../../components/basics";
import { Confirm } from "../../components/Confirm";
import { Notice } from "../../components/Notice";
import { useTexts } from "../../texts";
import { Invitation } from "./Invitation";

/** How a person comes in, and is shut out. */
export function PersonAccess({ person, gone }: { person: Person; gone: () => void }) {
  const texts = useTexts();
  const words = texts.people;
  const queries = useQueryClient();
  const { data: provider } = useQuery(oidcSettings());
  const params = { params: { path: { id: person.id } } };
  const onSuccess = () => queries.invalidateQueries({ queryKey: ["people"] });
  const link = useMutation({ mutationFn: () => answer(api.POST("/api/v1/people/{id}/password-link", params)) });
  const factor = useMutation({ mutationFn: () => answer(api.DELETE("/api/v1/people/{id}/totp", params)), onSuccess });
  const unlink = useMutation({ mutationFn: () => answer(api.DELETE("/api/v1/people/{id}/oidc", params)), onSuccess });
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v1/people/{id}", params)),
    onSuccess: async () => {
      gone();
      // The person's own page would ask for what is gone.
      await queries.invalidateQueries({ queryKey: ["people"], exact: true });
    },
  });
  return (
    <Card title={words.access}>
      <div className="flex flex-col divide-y divide-line">
        {person.disabled !== true && (
          <Step text={words.resetPasswordHint} error={link.error}>
            <Button disabled={link.isPending} onClick={() => link.mutate()}>
              {words.resetPassword}
            </Button>
          </Step>
        )}
        {link.data && (
          <div className="py-3">
            <Invitation link={link.data} email={person.email} />
          </div>
        )}
        {person.totp === true && (
          <Step text={words.resetFactorHint} error={factor.error}>
            <Confirm
              words={{
                trigger: words.resetFactor,
                title: words.resetFactorSure(person.name),
                hint: words.resetFactorHint,
                yes: words.resetFactor,
              }}
              disabled={factor.isPending}
              go={() => factor.mutate()}
            />
          </Step>
        )}
        {provider && (
          <Step text={words.unlinkHint(provider.name)} error={unlink.error}>
            <Confirm
              words={{
                trigger: words.unlink,
                title: words.unlinkSure(person.name, provider.name),
                hint: words.unlinkHint(provider.name),
                yes: words.unlink,
              }}
              disabled={unlink.isPending}
              go={() => unlink.mutate()}
            />
          </Step>
        )}
        {unlink.isSuccess && (
          <div className="py-3">
            <Notice>{words.unlinked}</Notice>
          </div>
        )}
        <Step text={words.removeHint} error={remove.error}>
          <Confirm
            words={{ trigger: texts.form.remove, title: words.removeSure(person.name), hint: words.removeHint, yes: texts.form.remove }}
            disabled={remove.isPending}
            go={() => remove.mutate()}
          />
        </Step>
      </div>
    </Card>
  );
}

function Step({ text, error, children }: { text: string; error: Error | null; children: ReactNode }) {
  return (
    <div className="py-3 first:pt-0 last:pb-0">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="min-w-0 grow basis-64 text-sm text-faint">{text}</p>
        {children}
      </div>
      {error !== null && (
        <div className="mt-2">
          <Failure error={error} />
        </div>
      )}
    </div>
  );
}
