import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { UserPlus } from "lucide-react";

import { people, type Person } from "../../api/people";
import { me } from "../../api/queries";
import { buttonClass, Empty, Failure, Field, inputClass, Loading, PageHead } from "../../components/basics";
import { useProject } from "../../components/project";
import { Table } from "../../components/Table";
import { When } from "../../components/When";
import { projectsWhere, type Me } from "../../lib/may";
import { peopleSearch } from "../../lib/peopleSearch";
import { useTexts } from "../../texts";
import { Members } from "./Members";
import { Name } from "../../components/Name";

const route = getRouteApi("/people");

/** People: all of them for owners of the server; for others those of the projects that they own. */
export function PeoplePage() {
  const texts = useTexts();
  const query = useQuery(me());
  return (
    <>
      <PageHead title={texts.pages.people}>
        {query.data?.owns_server === true && (
          <Link to="/people/new" className={buttonClass("accent")}>
            <UserPlus aria-hidden size={16} />
            {texts.people.add}
          </Link>
        )}
      </PageHead>
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data && (query.data.owns_server ? <Everybody me={query.data} /> : <OfProjects me={query.data} />)}
    </>
  );
}

function Everybody({ me }: { me: Me }) {
  const texts = useTexts();
  const project = useProject();
  const query = useQuery(people());
  const { name = "" } = peopleSearch(route.useSearch());
  const navigate = route.useNavigate();
  const wanted = name.toLocaleLowerCase();
  const shown = query.data?.filter(
    (person) =>
      (project === undefined || person.grants.some((grant) => grant.project === project)) &&
      `${person.name} ${person.email}`.toLocaleLowerCase().includes(wanted),
  );
  return (
    <>
      <div className="mb-3 max-w-xs">
        <Field label={texts.people.find}>
          <input
            type="search"
            className={inputClass}
            value={name}
            onChange={({ target }) => void navigate({ search: peopleSearch({ name: target.value }), replace: true })}
          />
        </Field>
      </div>
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {shown?.length === 0 &&
        (name === "" ? <Empty title={texts.people.none} hint={texts.people.noneHint} /> : <Empty title={texts.people.noMatch} />)}
      {shown !== undefined && shown.length > 0 && (
        <Table
          label={texts.pages.people}
          heads={[texts.form.name, texts.people.rolesHead, texts.people.account.tabs["second-factor"], texts.people.lastSignIn]}
          rows={shown.map((person) => ({
            key: person.id,
            cells: [
              <Called key="n" person={person} />,
              <Grants key="g" person={person} me={me} />,
              person.totp === true ? <span className="text-good">{texts.people.on}</span> : texts.people.off,
              <When key="s" time={person.last_sign_in} />,
            ],
          }))}
        />
      )}
    </>
  );
}

function Called({ person }: { person: Person }) {
  const texts = useTexts();
  return (
    <>
      <Link to="/people/$id" params={{ id: person.id }} className="font-semibold text-accent hover:underline">
        <Name>{person.name}</Name>
      </Link>
      {person.disabled === true && <span className="ml-2 text-xs font-semibold text-bad">{texts.people.disabled}</span>}
      <div className="text-xs text-faint">{person.email}</div>
    </>
  );
}

function Grants({ person, me }: { person: Person; me: Me }) {
  const texts = useTexts();
  const nameOf = (project: string) => me.roles.find((role) => role.project === project)?.name ?? texts.people.otherProject;
  if (person.grants.length === 0) {
    return <span className="text-faint">{texts.people.noRole}</span>;
  }
  return (
    <ul>
      {person.grants.map(({ project, role }) => (
        <li key={project}>
          <Name>{nameOf(project)}</Name>: {texts.people.roles[role]}
        </li>
      ))}
    </ul>
  );
}

function OfProjects({ me }: { me: Me }) {
  const texts = useTexts();
  const project = useProject();
  const owned = projectsWhere(me, "managePeople").filter((role) => project === undefined || role.project === project);
  if (owned.length === 0) {
    return <Empty title={texts.people.notYours} hint={texts.people.notYoursHint} />;
  }
  return (
    <div className="flex flex-col gap-4">
      {owned.map(({ project, name }) => (
        <Members key={project} project={project} name={name} own={me.person.id} />
      ))}
    </div>
  );
}
