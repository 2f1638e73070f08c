// What can be done with a snapshot: tags, a hold, and removing it.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Lock, LockOpen, Trash2, X } from "lucide-react";
import { useId, useState } from "react";

import { answer, api } from "../../api/client";
import type { Snapshot } from "../../api/snapshots";
import type { Action } from "../../lib/may";
import { HOLD, isArchived, isHeld, ownTags } from "../../lib/timeline";
import { useTexts } from "../../texts";
import { Button, Card, Failure, inputClass } from "../basics";
import { Confirm } from "../Confirm";
import { Name } from "../Name";

const route = getRouteApi("/snapshots/$repository/$snapshot");

type Change = { add?: string[]; remove?: string[] };

export function Manage({ snapshot, can }: { snapshot: Snapshot; can: (action: Action) => boolean }) {
  const texts = useTexts();
  const queries = useQueryClient();
  const here = route.useNavigate();
  const navigate = useNavigate();
  const path = { id: snapshot.repository, snapshot: snapshot.id };
  const anew = () => queries.invalidateQueries({ queryKey: ["snapshots", snapshot.repository] });
  const tag = useMutation({
    mutationFn: ({ add = [], remove = [] }: Change) =>
      answer(api.POST("/api/v1/repositories/{id}/snapshots/{snapshot}/tags", { params: { path }, body: { add, remove } })),
    onSuccess: async ({ snapshot: id }) => {
      await anew();
      // With its tags, its id has changed.
      await here({ params: { repository: snapshot.repository, snapshot: id }, search: (before) => before, replace: true, resetScroll: false });
    },
  });
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v1/repositories/{id}/snapshots/{snapshot}", { params: { path } })),
    onSuccess: async () => {
      await navigate({ to: "/snapshots", search: { repository: snapshot.repository } });
      await anew();
    },
  });
  const held = isHeld(snapshot);
  const isArchive = isArchived(snapshot);
  const error = tag.error ?? remove.error;
  const trash = (
    <>
      <Trash2 aria-hidden size={16} />
      {texts.snapshots.remove}
    </>
  );
  if (!can("tagSnapshots")) {
    return null;
  }
  return (
    <Card title={texts.snapshots.manage}>
      <div className="flex flex-wrap items-end justify-between gap-4">
        {isArchive ? (
          <p className="min-w-0 grow basis-64 text-sm text-faint">{texts.records.archives.keepHint}</p>
        ) : (
          <Tagging tags={ownTags(snapshot)} busy={tag.isPending} change={(change) => tag.mutate(change)} />
        )}
        <span className="flex flex-wrap gap-2">
          {!isArchive && (
            <Button
              title={texts.snapshots.heldHint}
              disabled={tag.isPending}
              onClick={() => tag.mutate(held ? { remove: [HOLD] } : { add: [HOLD] })}
            >
              {held ? <LockOpen aria-hidden size={16} /> : <Lock aria-hidden size={16} />}
              {held ? texts.snapshots.release : texts.snapshots.hold}
            </Button>
          )}
          {can("forgetSnapshots") && (
            <Confirm
              disabled={remove.isPending}
              words={{
                trigger: trash,
                title: texts.snapshots.removeSure,
                hint: isArchive
                  ? texts.records.archives.removeHint
                  : held
                    ? texts.snapshots.removeHeld
                    : texts.snapshots.removeHint,
                yes: texts.snapshots.remove,
              }}
              go={() => remove.mutate()}
            />
          )}
        </span>
      </div>
      {error !== null && (
        <div className="mt-3">
          <Failure error={error} />
        </div>
      )}
    </Card>
  );
}

function Tagging({ tags, busy, change }: { tags: readonly string[]; busy: boolean; change: (change: Change) => void }) {
  const texts = useTexts();
  const id = useId();
  const [typed, setTyped] = useState("");
  const add = typed.trim();
  return (
    <form
      className="flex flex-wrap items-end gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        if (add !== "") {
          change({ add: [add] });
          setTyped("");
        }
      }}
    >
      {tags.length > 0 && (
        <ul className="flex flex-wrap gap-1 self-center text-sm">
          {tags.map((tag) => (
            <li key={tag} className="flex items-center rounded bg-raised ps-2">
              <Name>{tag}</Name>
              <button
                type="button"
                disabled={busy}
                aria-label={texts.snapshots.untag(tag)}
                onClick={() => change({ remove: [tag] })}
                className="grid size-7 place-items-center text-faint hover:text-bad"
              >
                <X aria-hidden size={14} />
              </button>
            </li>
          ))}
        </ul>
      )}
      <span>
        <label htmlFor={id} className="mb-1 block text-xs font-semibold text-faint">
          {texts.snapshots.newTag}
        </label>
        <input
          id={id}
          className={`${inputClass} w-44`}
          maxLength={100}
          autoComplete="off"
          value={typed}
          onChange={({ target }) => setTyped(target.value)}
        />
      </span>
      <Button type="submit" disabled={busy || add === ""}>
        {texts.form.add}
      </Button>
    </form>
  );
}
