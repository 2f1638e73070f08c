import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { answer, api } from "../../api/client";
import { members } from "../../api/people";
import { Failure, inputClass, Loading } from "../../components/basics";
import { Confirm } from "../../components/Confirm";
import { Table } from "../../components/Table";
import { ROLES, type Role } from "../../lib/may";
import { useTexts } from "../../texts";
import { Name } from "../../components/Name";

type Change = { person: string; role: Role | null };

/** The people of a project, as its owners see and change them. */
export function Members({ project, name, own }: { project: string; name: string; own: string }) {
  const texts = useTexts();
  const queries = useQueryClient();
  const query = useQuery(members(project));
  const change = useMutation({
    mutationFn: ({ person, role }: Change) => {
      const params = { params: { path: { id: project, person } } };
      return answer<unknown>(
        role === null
          ? api.DELETE("/api/v1/projects/{id}/people/{person}", params)
          : api.PUT("/api/v1/projects/{id}/people/{person}", { ...params, body: { role } }),
      );
    },
    onSettled: async (_data, _error, { person }) => {
      await queries.invalidateQueries({ queryKey: ["people"] });
      if (person === own) {
        await queries.invalidateQueries({ queryKey: ["me"] });
      }
    },
  });
  return (
    <section className="flex flex-col gap-2">
      <h2 className="text-base font-semibold wrap-anywhere">{name}</h2>
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data && (
        <Table
          label={name}
          heads={[texts.form.name, texts.people.role, texts.people.actions]}
          rows={query.data.map((member) => ({
            key: member.id,
            cells: [
              <div key="n">
                <Name className="font-semibold whitespace-pre-wrap wrap-anywhere">{member.name}</Name>
                {member.disabled && <span className="ml-2 text-xs font-semibold text-bad">{texts.people.disabled}</span>}
                <div className="text-xs text-faint">{member.email}</div>
              </div>,
              <select
                key="r"
                aria-label={`${texts.people.role}: ${member.name}`}
                className={`${inputClass} max-w-40`}
                value={member.role}
                disabled={change.isPending}
                onChange={({ target }) => {
                  const role = ROLES.find((role) => role === target.value);
                  if (role !== undefined) {
                    change.mutate({ person: member.id, role });
                  }
                }}
              >
                {ROLES.map((role) => (
                  <option key={role} value={role}>
                    {texts.people.roles[role]}
                  </option>
                ))}
              </select>,
              <Confirm
                key="d"
                words={{
                  trigger: texts.people.takeOut,
                  label: `${texts.people.takeOut}: ${member.name}`,
                  title: texts.people.takeOutSure(member.name, name),
                  hint: texts.people.takeOutHint,
                  yes: texts.people.takeOut,
                }}
                disabled={change.isPending}
                go={() => change.mutate({ person: member.id, role: null })}
              />,
            ],
          }))}
        />
      )}
      {change.error !== null && <Failure error={change.error} />}
    </section>
  );
}
