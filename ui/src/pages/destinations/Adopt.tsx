import { zodResolver } from "@hookform/resolvers/zod";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useForm } from "react-hook-form";
import { z } from "zod";

import { answer, api } from "../../api/client";
import type { Destination } from "../../api/records";
import { EditForm } from "../../components/EditForm";
import { TextField } from "../../components/fields";
import { NodeField } from "../../components/Where";
import { useTexts } from "../../texts";

/** Words of a destination that holds repositories or archives. */
function useWords({ holds }: Destination) {
  const { adopt, archives } = useTexts().records;
  return holds?.type === "archives" ? { ...adopt, ...archives.adopt } : { ...adopt, passwordHint: undefined };
}

/** Makes a repository or archives known that are there already. */
export function Adopt({ destination }: { destination: Destination }) {
  const words = useWords(destination);
  const [found, setFound] = useState<{ times: number; snapshots: number } | null>(null);
  return (
    <details className="rounded-lg border border-line bg-card p-4">
      <summary className="text-base font-semibold">{words.title}</summary>
      <p className="mt-2 mb-4 max-w-3xl text-sm text-faint">{words.hint}</p>
      <p role="status" className="font-semibold text-good">
        {found !== null && words.done(found.snapshots)}
      </p>
      <Form
        key={found?.times ?? 0}
        destination={destination}
        done={(snapshots) => setFound((before) => ({ times: (before?.times ?? 0) + 1, snapshots }))}
      />
    </details>
  );
}

type Values = { project: string; node: string; path: string; password: string };

function Form({ destination, done }: { destination: Destination; done: (snapshots: number) => void }) {
  const texts = useTexts();
  const words = useWords(destination);
  const queries = useQueryClient();
  const schema = useMemo(
    () =>
      z.object({
        project: z.string(),
        node: z.string(),
        path: z.string().trim(),
        password: z.string().min(1, texts.form.required),
      }),
    [texts],
  );
  const form = useForm<Values>({
    defaultValues: { project: destination.project, node: "", path: "", password: "" },
    resolver: zodResolver(schema),
  });
  const save = async ({ node, path, password }: Values) => {
    const body = { destination: destination.id, node, path, password };
    const { snapshots } = await answer(api.POST("/api/v1/repositories/adopt", { body }));
    await queries.invalidateQueries({ queryKey: ["records"] });
    return snapshots;
  };
  return (
    <EditForm form={form} action={words.action} doing={words.opening} save={save} saved={done}>
      <NodeField hint={destination.layout === "shared" ? words.nodeShared : words.nodeOwn} />
      <TextField name="path" label={words.path} hint={words.pathHint} spellCheck={false} />
      <TextField name="password" type="password" autoComplete="off" label={words.password} hint={words.passwordHint} />
    </EditForm>
  );
}
