import { zodResolver } from "@hookform/resolvers/zod";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { z } from "zod";

import { answer, api } from "../../api/client";
import { EditForm } from "../../components/EditForm";
import { Fields, TextField } from "../../components/fields";
import { Notice } from "../../components/Notice";
import { useTexts } from "../../texts";

const EMPTY = { current: "", new: "", again: "" };

export function PasswordForm() {
  const texts = useTexts();
  const words = texts.people.account;
  const queries = useQueryClient();
  const [isSaved, setSaved] = useState(false);
  const schema = z
    .object({
      current: z.string().min(1, texts.form.required),
      new: z.string().min(12, words.passwordShort),
      again: z.string(),
    })
    .refine((values) => values.new === values.again, { path: ["again"], message: words.passwordDiffers });
  const form = useForm({ resolver: zodResolver(schema), defaultValues: EMPTY });
  return (
    <EditForm
      form={form}
      action={words.changePassword}
      save={({ current, new: chosen }) => answer(api.POST("/api/v1/me/password", { body: { current, new: chosen } }))}
      saved={() => {
        form.reset(EMPTY);
        setSaved(true);
        void queries.invalidateQueries({ queryKey: ["account", "sessions"] });
      }}
      aside={isSaved && !form.formState.isDirty && <Notice>{words.passwordSaved}</Notice>}
    >
      <Fields title={words.tabs.password} hint={words.passwordHint}>
        <TextField name="current" type="password" label={words.current} autoComplete="current-password" />
        <TextField name="new" type="password" label={words.new} hint={words.passwordShort} autoComplete="new-password" />
        <TextField name="again" type="password" label={words.again} autoComplete="new-password" />
      </Fields>
    </EditForm>
  );
}
