import { zodResolver } from "@hookform/resolvers/zod";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useForm } from "react-hook-form";
import { z } from "zod";

import { answer, api } from "../../api/client";
import { notifier as oneNotifier, type Notifier } from "../../api/people";
import { me } from "../../api/queries";
import { buttonClass, Failure, Loading, PageHead } from "../../components/basics";
import { EditForm } from "../../components/EditForm";
import { Unshown } from "../../components/One";
import { useProject } from "../../components/project";
import { projectsWhere, type Me } from "../../lib/may";
import { channelOf, EMPTY, fieldOf, formOf, NOTICES, PERIODS, type Kind, type NotifierForm } from "../../lib/notifier";
import { notifierSearch } from "../../lib/peopleSearch";
import { useTexts } from "../../texts";
import type { Texts } from "../../texts/en";
import { NotifierFields } from "./NotifierFields";

const newRoute = getRouteApi("/alerts/new");
const oneRoute = getRouteApi("/alerts/$id");

function schemaOf(kind: Kind, isNew: boolean, texts: Texts) {
  const words = texts.people.alerts;
  const needed = (own: Kind, text: string) => kind !== own || text.trim() !== "";
  return z
    .object({
      name: z.string().trim().min(1, texts.form.required).max(200),
      project: z.string(),
      on: z.array(z.enum(NOTICES)).min(1, words.onNone),
      summary: z.enum(PERIODS),
      to: z.string().refine((text) => needed("email", text), texts.form.required),
      url: z.string().refine((text) => needed("webhook", text), texts.form.required),
      secret: z.string(),
      allow_private: z.boolean(),
      program: z.string().refine((text) => needed("command", text), texts.form.required),
      args: z.string(),
    })
    .refine(({ secret }) => kind !== "webhook" || secret.length >= 16 || (!isNew && secret === ""), {
      path: ["secret"],
      message: words.secretShort,
    });
}

/** What is sent of a form, besides what only new or only known notifiers have. */
function bodyOf(kind: Kind, form: NotifierForm) {
  const summary = form.on.includes("summary") ? { summary: form.summary } : {};
  return { name: form.name, on: form.on, ...summary, channel: channelOf(kind, form) };
}

export function NewNotifier() {
  const texts = useTexts();
  const { type: kind = "email" } = notifierSearch(newRoute.useSearch());
  const query = useQuery(me());
  return (
    <>
      <PageHead title={texts.people.alerts.addKind[kind]} />
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data && <NewForm key={kind} kind={kind} me={query.data} />}
    </>
  );
}

function useDone() {
  const navigate = useNavigate();
  const queries = useQueryClient();
  return () => {
    void queries.invalidateQueries({ queryKey: ["notifiers"] });
    void navigate({ to: "/alerts" });
  };
}

function Cancel() {
  const texts = useTexts();
  return (
    <Link to="/alerts" className={buttonClass()}>
      {texts.form.cancel}
    </Link>
  );
}

function NewForm({ kind, me }: { kind: Kind; me: Me }) {
  const texts = useTexts();
  const chosen = useProject();
  const projects = projectsWhere(me, "editPlans");
  const first = projects.find(({ project }) => project === chosen) ?? projects[0];
  const form = useForm<NotifierForm>({
    resolver: zodResolver(schemaOf(kind, true, texts)),
    defaultValues: { ...EMPTY, project: first?.project ?? "" },
  });
  return (
    <EditForm
      form={form}
      action={texts.people.alerts.addKind[kind]}
      save={(values) => answer(api.POST("/api/v1/notifiers", { body: { ...bodyOf(kind, values), project: values.project } }))}
      saved={useDone()}
      rename={fieldOf}
      aside={<Cancel />}
    >
      <NotifierFields kind={kind} projects={projects.map(({ project, name }) => [project, name] as const)} isNew />
    </EditForm>
  );
}

export function EditNotifier() {
  const { id } = oneRoute.useParams();
  // What others change meanwhile must not get into the form unseen; the server says so when it is saved.
  const query = useQuery({ ...oneNotifier(id), staleTime: Infinity, gcTime: 0 });
  if (query.isLoadingError) {
    return <Unshown error={query.error} again={() => void query.refetch()} list="alerts" />;
  }
  if (query.data === undefined) {
    return <Loading />;
  }
  return (
    <>
      <PageHead title={<bdi>{query.data.name}</bdi>} />
      <ChangeForm key={query.data.revision} notifier={query.data} reload={() => void query.refetch()} />
    </>
  );
}

function ChangeForm({ notifier, reload }: { notifier: Notifier; reload: () => void }) {
  const texts = useTexts();
  const kind = notifier.channel.type;
  const form = useForm<NotifierForm>({
    resolver: zodResolver(schemaOf(kind, false, texts)),
    defaultValues: formOf(notifier),
  });
  return (
    <EditForm
      form={form}
      action={texts.form.save}
      save={(values) => {
        const body = { ...bodyOf(kind, values), revision: notifier.revision };
        return answer(api.PUT("/api/v1/notifiers/{id}", { params: { path: { id: notifier.id } }, body }));
      }}
      saved={useDone()}
      reload={reload}
      rename={fieldOf}
      aside={<Cancel />}
    >
      <NotifierFields kind={kind} projects={[]} isNew={false} />
    </EditForm>
  );
}
