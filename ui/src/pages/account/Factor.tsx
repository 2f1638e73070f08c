import { zodResolver } from "@hookform/resolvers/zod";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useBlocker } from "@tanstack/react-router";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { z } from "zod";

import { answer, api, type Schemas } from "../../api/client";
import { Button, Card, Failure } from "../../components/basics";
import { Once } from "../../components/Once";
import { EditForm } from "../../components/EditForm";
import { Fields, TextField } from "../../components/fields";
import { Notice } from "../../components/Notice";
import { QrCode } from "../../components/QrCode";
import { download } from "../../lib/download";
import type { Me } from "../../lib/may";
import { useTexts } from "../../texts";

/** One's second factor: it is set up in two steps, and its recovery codes are shown once. */
export function Factor({ me }: { me: Me }) {
  const queries = useQueryClient();
  const [codes, setCodes] = useState<string[]>([]);
  const again = () => queries.invalidateQueries({ queryKey: ["me"] });
  return (
    <div className="flex max-w-3xl flex-col gap-4">
      {codes.length > 0 && <RecoveryCodes codes={codes} done={() => setCodes([])} />}
      {me.person.totp ? (
        <SwitchOff
          left={me.recovery_codes ?? 0}
          done={() => {
            setCodes([]);
            void again();
          }}
        />
      ) : (
        <SetUp
          done={(made) => {
            setCodes(made);
            void again();
          }}
        />
      )}
    </div>
  );
}

function SetUp({ done }: { done: (codes: string[]) => void }) {
  const texts = useTexts();
  const words = texts.people.account;
  const begin = useMutation({ mutationFn: () => answer(api.POST("/api/v1/me/totp")) });
  if (begin.data) {
    return <FirstCode secret={begin.data} done={done} />;
  }
  return (
    <Card title={words.tabs["second-factor"]}>
      <p className="mb-4 text-sm text-faint">{words.factorHint}</p>
      <Button tone="accent" disabled={begin.isPending} onClick={() => begin.mutate()}>
        {words.factorBegin}
      </Button>
      {begin.error !== null && <Failure error={begin.error} />}
    </Card>
  );
}

function FirstCode({ secret, done }: { secret: Schemas["TotpSecret"]; done: (codes: string[]) => void }) {
  const texts = useTexts();
  const words = texts.people.account;
  const form = useForm({
    resolver: zodResolver(z.object({ code: z.string().regex(/^\s*\d{3}\s*\d{3}\s*$/, words.codeForm) })),
    defaultValues: { code: "" },
  });
  return (
    <EditForm
      form={form}
      action={words.factorConfirm}
      save={async (body) => done((await answer(api.POST("/api/v1/me/totp/confirm", { body }))).recovery_codes)}
      saved={() => undefined}
    >
      <Fields title={words.tabs["second-factor"]} hint={words.factorScan}>
        <div className="flex flex-wrap items-start gap-4">
          <QrCode text={secret.uri} label={words.qr} />
          <div className="min-w-0 grow basis-64">
            <Once label={words.secret} text={secret.secret} />
            <a href={secret.uri} className="mt-2 inline-flex min-h-6 items-center text-sm text-accent hover:underline">
              {words.factorOpen}
            </a>
          </div>
        </div>
        <TextField
          name="code"
          label={words.code}
          hint={words.codeHint}
          inputMode="numeric"
          autoComplete="one-time-code"
          maxLength={10}
        />
      </Fields>
    </EditForm>
  );
}

function RecoveryCodes({ codes, done }: { codes: string[]; done: () => void }) {
  const words = useTexts().people.account;
  useBlocker({ shouldBlockFn: () => !window.confirm(words.recoveryLeave) });
  const text = codes.join("\n");
  return (
    <Card title={words.recovery}>
      <Notice tone="warn">{words.recoveryHint}</Notice>
      <div className="mt-3 flex flex-col gap-3">
        <Once label={words.recovery} text={text} />
        <div className="flex flex-wrap gap-2">
          <Button onClick={() => download("backstay-recovery-codes.txt", `${text}\n`, "text/plain")}>{words.recoveryDownload}</Button>
          <Button tone="accent" onClick={done}>
            {words.recoveryDone}
          </Button>
        </div>
      </div>
    </Card>
  );
}

function SwitchOff({ left, done }: { left: number; done: () => void }) {
  const texts = useTexts();
  const words = texts.people.account;
  const form = useForm({
    resolver: zodResolver(z.object({ password: z.string().min(1, texts.form.required) })),
    defaultValues: { password: "" },
  });
  return (
    <EditForm
      form={form}
      action={words.factorOff}
      save={(body) => answer(api.DELETE("/api/v1/me/totp", { body }))}
      saved={done}
    >
      <Fields title={words.tabs["second-factor"]} hint={words.factorOffHint}>
        <Notice>{words.factorIsOn(left)}</Notice>
        <TextField name="password" type="password" label={words.yourPassword} autoComplete="current-password" />
      </Fields>
    </EditForm>
  );
}
