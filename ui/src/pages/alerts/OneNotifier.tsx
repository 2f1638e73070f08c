import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { answer, api } from "../../api/client";
import { type Notifier } from "../../api/people";
import { useRights } from "../../api/roles";
import { me } from "../../api/queries";
import { Button, buttonClass, Card, Failure } from "../../components/basics";
import { Confirm } from "../../components/Confirm";
import { Notice } from "../../components/Notice";
import { target } from "../../lib/notifier";
import { useTexts } from "../../texts";

/** Whether somebody may change or try a notifier: some channels need more than the role in its project. */
function useMayChange(): (notifier: Notifier) => boolean {
  const may = useRights();
  return ({ channel, project }) => {
    const isPrivate = channel.type === "webhook" && channel.allow_private === true;
    return channel.type === "command" ? may("manageServer") : !isPrivate || may("allowPrivate", project);
  };
}

export function OneNotifier({ notifier }: { notifier: Notifier }) {
  const texts = useTexts();
  const words = texts.people.alerts;
  const queries = useQueryClient();
  const mayChange = useMayChange()(notifier);
  const { data: self } = useQuery(me());
  const params = { params: { path: { id: notifier.id } } };
  const test = useMutation({ mutationFn: () => answer(api.POST("/api/v1/notifiers/{id}/test", params)) });
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v1/notifiers/{id}", params)),
    onSettled: () => queries.invalidateQueries({ queryKey: ["notifiers"] }),
  });
  const project = (self?.roles.length ?? 0) > 1 && self?.roles.find((role) => role.project === notifier.project)?.name;
  const on = notifier.on.map((kind) =>
    kind === "summary" && notifier.summary ? words.summaries[notifier.summary] : words.notices[kind],
  );
  return (
    <Card title={notifier.name} aside={project && <span className="text-xs text-faint wrap-anywhere">{project}</span>}>
      <p className="text-sm wrap-anywhere">
        <span className="text-faint">{words.kinds[notifier.channel.type]}:</span> {target(notifier.channel)}
      </p>
      <p className="mt-1 text-sm wrap-anywhere">
        <span className="text-faint">{words.on}:</span> {on.join(", ")}
      </p>
      <div className="mt-3 flex flex-wrap gap-2">
        {mayChange && (
          <>
            <Button disabled={test.isPending} aria-label={`${words.test}: ${notifier.name}`} onClick={() => test.mutate()}>
              {test.isPending ? words.testing : words.test}
            </Button>
            <Link
              to="/alerts/$id"
              params={{ id: notifier.id }}
              aria-label={`${texts.form.edit}: ${notifier.name}`}
              className={buttonClass()}
            >
              {texts.form.edit}
            </Link>
          </>
        )}
        <Confirm
          words={{
            trigger: texts.form.remove,
            label: `${texts.form.remove}: ${notifier.name}`,
            title: words.removeSure(notifier.name),
            hint: words.removeHint,
            yes: texts.form.remove,
          }}
          disabled={remove.isPending}
          go={() => remove.mutate()}
        />
      </div>
      <div className="mt-3 empty:hidden">
        {test.isSuccess && <Notice>{words.arrived}</Notice>}
        {test.error !== null && <Failure error={test.error} />}
        {remove.error !== null && <Failure error={remove.error} />}
      </div>
    </Card>
  );
}
