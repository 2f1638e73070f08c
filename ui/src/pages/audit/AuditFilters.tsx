import { useQuery } from "@tanstack/react-query";
import { useId, useMemo } from "react";

import { people } from "../../api/people";
import { useRights } from "../../api/roles";
import { Field, inputClass } from "../../components/basics";
import { ACTIONS } from "../../lib/audit";
import type { AuditSearch } from "../../lib/peopleSearch";
import { useTexts } from "../../texts";
import { deedOf } from "./deed";

type Choose = (change: { actor?: string; action?: string; since?: string; until?: string }) => void;

export function AuditFilters({ filter, choose }: { filter: AuditSearch; choose: Choose }) {
  const texts = useTexts();
  const words = texts.people.audit;
  const id = useId();
  const may = useRights();
  const { data } = useQuery({ ...people(), enabled: may("manageServer") });
  const actions = useMemo(() => {
    const known = filter.action === undefined || ACTIONS.includes(filter.action) ? ACTIONS : [filter.action, ...ACTIONS];
    return known.map((action) => [action, deedOf(action, texts)] as const).sort((a, b) => a[1].localeCompare(b[1]));
  }, [filter.action, texts]);
  return (
    <form
      className="mb-4 grid grid-cols-2 gap-2 sm:gap-3 lg:grid-cols-4"
      onSubmit={(event) => {
        event.preventDefault();
        choose({ actor: String(new FormData(event.currentTarget).get("actor") ?? "").trim() });
      }}
    >
      <Field label={words.actor}>
        <input
          // What is chosen elsewhere on the page stands here too.
          key={filter.actor ?? ""}
          name="actor"
          type="search"
          list={id}
          autoComplete="off"
          className={inputClass}
          defaultValue={filter.actor ?? ""}
          placeholder={texts.runs.any}
          onBlur={({ target }) => choose({ actor: target.value.trim() })}
        />
        <datalist id={id}>
          {data?.map(({ id, email }) => (
            <option key={id} value={email} />
          ))}
        </datalist>
      </Field>
      <Field label={words.action}>
        <select
          className={inputClass}
          value={filter.action ?? ""}
          onChange={({ target }) => choose({ action: target.value })}
        >
          <option value="">{texts.runs.any}</option>
          {actions.map(([action, text]) => (
            <option key={action} value={action}>
              {text}
            </option>
          ))}
        </select>
      </Field>
      {(["since", "until"] as const).map((name) => (
        <Field key={name} label={texts.runs[name]}>
          <input
            type="date"
            className={inputClass}
            value={filter[name] ?? ""}
            onChange={({ target }) => choose({ [name]: target.value })}
          />
        </Field>
      ))}
    </form>
  );
}
