import { zodResolver } from "@hookform/resolvers/zod";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useForm } from "react-hook-form";
import { z } from "zod";

import { answer, api } from "../../api/client";
import { projects, type Project } from "../../api/people";
import { useRights } from "../../api/roles";
import { me } from "../../api/queries";
import { buttonClass, Card, Empty, Failure, Loading, PageHead } from "../../components/basics";
import { Confirm } from "../../components/Confirm";
import { EditForm } from "../../components/EditForm";
import { Fields, TextField } from "../../components/fields";
import { moment } from "../../lib/format";
import { useSpeech, useTexts } from "../../texts";

const route = getRouteApi("/projects");

export function Projects() {
  const { texts } = useSpeech();
  const may = useRights();
  const { edit } = route.useSearch();
  const query = useQuery(projects());
  return (
    <>
      <PageHead title={texts.pages.projects} />
      <div className="flex max-w-3xl flex-col gap-4">
        <p className="text-sm text-faint">{texts.people.projectsHint}</p>
        {query.isPending && <Loading />}
        {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
        {query.data?.length === 0 && <Empty title={texts.people.noProjects} />}
        {query.data?.map((project) =>
          project.id === edit && may("manageProject", project.id) ? (
            <Rename key={project.id} project={project} />
          ) : (
            <OneProject key={project.id} project={project} />
          ),
        )}
        {may("manageServer") && <NewProject />}
      </div>
    </>
  );
}

function useChanged() {
  const queries = useQueryClient();
  return async () => {
    await queries.invalidateQueries({ queryKey: ["records", "projects"] });
    await queries.invalidateQueries({ queryKey: ["me"] });
  };
}

function OneProject({ project }: { project: Project }) {
  const { texts, language } = useSpeech();
  const { data } = useQuery(me());
  const may = useRights();
  const changed = useChanged();
  const role = data?.roles.find((role) => role.project === project.id)?.role;
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v1/projects/{id}", { params: { path: { id: project.id } } })),
    onSettled: changed,
  });
  return (
    <Card title={project.name}>
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="text-sm text-faint">
          {texts.people.projectMade(moment(project.created, language))}
          {role && ` ${texts.people.yourRole(texts.people.roles[role])}`}
        </p>
        {may("manageProject", project.id) && (
          <div className="flex flex-wrap gap-2">
            <Link
              to="/projects"
              search={{ edit: project.id }}
              aria-label={`${texts.people.rename}: ${project.name}`}
              className={buttonClass()}
            >
              {texts.people.rename}
            </Link>
            <Confirm
              words={{
                trigger: texts.form.remove,
                label: `${texts.form.remove}: ${project.name}`,
                title: texts.people.removeProject(project.name),
                hint: texts.people.removeProjectHint,
                yes: texts.form.remove,
              }}
              disabled={remove.isPending}
              go={() => remove.mutate()}
            />
          </div>
        )}
      </div>
      {remove.error !== null && (
        <div className="mt-3">
          <Failure error={remove.error} />
        </div>
      )}
    </Card>
  );
}

function useNameForm(name: string) {
  const texts = useTexts();
  const schema = z.object({ name: z.string().trim().min(1, texts.form.required).max(200) });
  return useForm({ resolver: zodResolver(schema), defaultValues: { name } });
}

function Rename({ project }: { project: Project }) {
  const texts = useTexts();
  const navigate = route.useNavigate();
  const changed = useChanged();
  const form = useNameForm(project.name);
  return (
    <EditForm
      form={form}
      action={texts.form.save}
      save={(body) => answer(api.PUT("/api/v1/projects/{id}", { params: { path: { id: project.id } }, body }))}
      saved={() => {
        void changed();
        void navigate({ search: {} });
      }}
      aside={
        <Link to="/projects" className={buttonClass()}>
          {texts.form.cancel}
        </Link>
      }
    >
      <Fields title={texts.people.rename}>
        <TextField name="name" label={texts.form.name} maxLength={200} autoFocus />
      </Fields>
    </EditForm>
  );
}

function NewProject() {
  const texts = useTexts();
  const changed = useChanged();
  const form = useNameForm("");
  return (
    <EditForm
      form={form}
      action={texts.people.makeProject}
      save={(body) => answer(api.POST("/api/v1/projects", { body }))}
      saved={() => {
        form.reset({ name: "" });
        void changed();
      }}
    >
      <Fields title={texts.people.newProject} hint={texts.people.newProjectHint}>
        <TextField name="name" label={texts.form.name} maxLength={200} />
      </Fields>
    </EditForm>
  );
}
