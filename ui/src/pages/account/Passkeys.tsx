import { zodResolver } from "@hookform/resolvers/zod";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useForm } from "react-hook-form";
import { z } from "zod";

import { answer, api } from "../../api/client";
import { passkeys } from "../../api/people";
import { Empty, Failure, Loading } from "../../components/basics";
import { Confirm } from "../../components/Confirm";
import { EditForm } from "../../components/EditForm";
import { Fields, TextField } from "../../components/fields";
import { Notice } from "../../components/Notice";
import { Table } from "../../components/Table";
import { When } from "../../components/When";
import { DeviceRefusal, knowsPasskeys, makePasskey } from "../../lib/passkey";
import { useTexts } from "../../texts";

export function Passkeys() {
  const texts = useTexts();
  const words = texts.people.account;
  const query = useQuery(passkeys());
  const queries = useQueryClient();
  const again = () => queries.invalidateQueries({ queryKey: ["account", "passkeys"] });
  const remove = useMutation({
    mutationFn: (id: string) => answer(api.DELETE("/api/v1/me/passkeys/{id}", { params: { path: { id } } })),
    onSettled: again,
  });
  return (
    <div className="flex max-w-3xl flex-col gap-4">
      <p className="text-sm text-faint">{words.passkeysHint}</p>
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data?.length === 0 && <Empty title={words.noPasskeys} />}
      {query.data !== undefined && query.data.length > 0 && (
        <Table
          label={words.tabs.passkeys}
          heads={[texts.form.name, words.host, words.made, words.lastUsed, texts.people.actions]}
          rows={query.data.map((passkey) => ({
            key: passkey.id,
            cells: [
              <span key="n" className="font-semibold">
                {passkey.name}
              </span>,
              passkey.host,
              <When key="c" time={passkey.created} />,
              <When key="u" time={passkey.last_used} />,
              <Confirm
                key="r"
                words={{
                  trigger: texts.form.remove,
                  label: `${texts.form.remove}: ${passkey.name}`,
                  title: words.removePasskey(passkey.name),
                  hint: words.removePasskeyHint,
                  yes: texts.form.remove,
                }}
                disabled={remove.isPending}
                go={() => remove.mutate(passkey.id)}
              />,
            ],
          }))}
        />
      )}
      {remove.error !== null && <Failure error={remove.error} />}
      {knowsPasskeys() ? <NewPasskey made={again} /> : <Notice tone="warn">{words.passkeysUnknown}</Notice>}
    </div>
  );
}

const EMPTY = { name: "", password: "" };

function NewPasskey({ made }: { made: () => Promise<void> }) {
  const texts = useTexts();
  const words = texts.people.account;
  const schema = z.object({ name: z.string().trim().min(1, texts.form.required).max(200), password: z.string() });
  const form = useForm({ resolver: zodResolver(schema), defaultValues: EMPTY });
  return (
    <EditForm
      form={form}
      action={words.makePasskey}
      save={async ({ name, password }) => {
        try {
          await makePasskey(name, password);
        } catch (error) {
          throw error instanceof DeviceRefusal ? new Error(error.known ? words.passkeyKnown : words.passkeyRefused) : error;
        }
      }}
      saved={() => {
        form.reset(EMPTY);
        void made();
      }}
    >
      <Fields title={words.newPasskey}>
        <TextField name="name" label={words.passkeyName} maxLength={200} placeholder={words.passkeyExample} />
        <TextField
          name="password"
          type="password"
          label={words.yourPassword}
          hint={words.passkeyPassword}
          autoComplete="current-password"
        />
      </Fields>
    </EditForm>
  );
}
