import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import { comparison, snapshots, type Snapshot } from "../api/snapshots";
import { Empty, Failure, Field, Loading, PageHead, inputClass } from "../components/basics";
import { Changes } from "../components/snapshots/Changes";
import { Growth } from "../components/snapshots/Growth";
import { moment } from "../lib/format";
import { nameOf } from "../lib/paths";
import { compareSearch, type CompareSearch } from "../lib/snapshotSearch";
import { keyOf } from "../lib/timeline";
import { useSpeech } from "../texts";
import { isolated } from "../lib/shown";

const route = getRouteApi("/snapshots/$repository/diff");

export function ComparePage() {
  const { texts } = useSpeech();
  const { repository } = route.useParams();
  const search = compareSearch(route.useSearch());
  const query = useQuery(snapshots(repository));
  return (
    <>
      <p className="mb-1">
        <Link to="/snapshots" search={{ repository }} className="text-sm text-accent hover:underline">
          {texts.pages.snapshots}
        </Link>
      </p>
      <PageHead title={texts.snapshots.compare} />
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data && <Both all={query.data} search={search} repository={repository} />}
    </>
  );
}

/** The later snapshot, and the one that it is compared with: the one before it of the same source unless another is chosen. */
function pair(all: readonly Snapshot[], { from, to }: CompareSearch): { later?: Snapshot; earlier?: Snapshot; like: Snapshot[] } {
  const named = (id: string | undefined) => (id === "latest" ? all[0] : id && all.find((one) => one.id.startsWith(id)));
  const later = named(to) || all[0];
  const like = later ? all.filter((one) => keyOf(one) === keyOf(later)) : [];
  const earlier = named(from) || (later && like[like.indexOf(later) + 1]);
  return { ...(later && { later }), ...(earlier && { earlier }), like };
}

type BothProps = { all: readonly Snapshot[]; search: CompareSearch; repository: string };

function Both({ all, search, repository }: BothProps) {
  const { texts, language } = useSpeech();
  const navigate = route.useNavigate();
  const { later, earlier, like } = pair(all, search);
  if (!later || !earlier) {
    return <Empty title={texts.snapshots.compareNone} hint={texts.snapshots.compareNoneHint} />;
  }
  const choices = [...new Set([...like, earlier])];
  const choose = (change: CompareSearch) =>
    void navigate({ search: { from: earlier.id, to: later.id, ...change }, replace: true, resetScroll: false });
  const select = (label: string, value: Snapshot, name: "from" | "to") => (
    <Field label={label}>
      <select className={inputClass} value={value.id} onChange={({ target }) => choose({ [name]: target.value })}>
        {choices.map(({ id, host, time, name }) => (
          <option key={id} value={id}>
            {isolated(host)}, {moment(time, language)} ({name ? isolated(nameOf(name)) : id.slice(0, 8)})
          </option>
        ))}
      </select>
    </Field>
  );
  return (
    <div className="flex flex-col gap-4">
      <div className="grid gap-3 sm:max-w-2xl sm:grid-cols-2">
        {select(texts.snapshots.compareFrom, earlier, "from")}
        {select(texts.snapshots.compareTo, later, "to")}
      </div>
      <Difference repository={repository} from={earlier.id} to={later.id} />
    </div>
  );
}

function Difference({ repository, from, to }: { repository: string; from: string; to: string }) {
  const query = useQuery(comparison(repository, from, to));
  if (query.isPending) {
    return <Loading />;
  }
  if (query.isError) {
    return <Failure error={query.error} again={() => void query.refetch()} />;
  }
  return (
    <>
      <Growth comparison={query.data} />
      <Changes comparison={query.data} repository={repository} from={from} to={to} />
    </>
  );
}
