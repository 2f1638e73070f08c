import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { File, Folder, Search } from "lucide-react";
import { useMemo, useState } from "react";

import { found, repositories } from "../api/snapshots";
import { Button, Empty, Failure, Field, Loading, PageHead, inputClass } from "../components/basics";
import { useProject } from "../components/project";
import { VirtualRows } from "../components/VirtualRows";
import { moment, size } from "../lib/format";
import { itemsOf, type FoundItem } from "../lib/hits";
import { folderOf, nameOf } from "../lib/paths";
import { findSearch } from "../lib/snapshotSearch";
import { useSpeech } from "../texts";
import { Name } from "../components/Name";

const route = getRouteApi("/search");
/** As many hits as the server tells at once. */
const MOST = 1000;

export function SearchPage() {
  const { texts } = useSpeech();
  const search = findSearch(route.useSearch());
  const navigate = route.useNavigate();
  const all = useQuery(repositories(useProject()));
  const repository = search.repository ?? all.data?.[0]?.id;
  const { name = "" } = search;
  return (
    <>
      <PageHead title={texts.snapshots.find} />
      <form
        key={name}
        role="search"
        className="mb-4 flex flex-wrap items-end gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          const data = new FormData(event.currentTarget);
          void navigate({ search: findSearch({ repository: data.get("repository") ?? repository, name: data.get("name") }) });
        }}
      >
        {all.data && all.data.length > 1 && (
          <Field label={texts.snapshots.repository}>
            <select key={repository} name="repository" className={inputClass} defaultValue={repository}>
              {all.data.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </Field>
        )}
        <div className="min-w-0 grow sm:max-w-md">
          <Field label={texts.snapshots.findName}>
            <input type="search" name="name" required defaultValue={name} className={inputClass} aria-describedby="find-hint" />
          </Field>
        </div>
        <Button type="submit" tone="accent">
          <Search aria-hidden size={16} />
          {texts.snapshots.findGo}
        </Button>
        <p id="find-hint" className="w-full text-xs text-faint">
          {texts.snapshots.findHint}
        </p>
      </form>
      {all.isError && <Failure error={all.error} again={() => void all.refetch()} />}
      {all.data?.length === 0 && <Empty title={texts.snapshots.noRepository} hint={texts.snapshots.noRepositoryHint} />}
      {repository && name !== "" && <Hits key={`${repository} ${name}`} repository={repository} name={name} />}
    </>
  );
}

function Hits({ repository, name }: { repository: string; name: string }) {
  const { texts } = useSpeech();
  const query = useQuery(found(repository, name, MOST));
  const items = useMemo(() => itemsOf(query.data?.items ?? []), [query.data]);
  const [box, setBox] = useState<HTMLElement | null>(null);
  if (query.isPending) {
    return <Loading />;
  }
  if (query.isError) {
    return <Failure error={query.error} again={() => void query.refetch()} />;
  }
  if (items.length === 0) {
    return <Empty title={texts.snapshots.findNone(name)} />;
  }
  return (
    <>
      <p role="status" className="mb-2 text-sm text-faint">
        {texts.snapshots.findCount(items.length)}
        {query.data.truncated && ` – ${texts.snapshots.findMore}`}
      </p>
      <div
        ref={setBox}
        role="list"
        aria-label={texts.snapshots.find}
        className="max-h-[70vh] overflow-auto rounded-lg border border-line bg-card text-sm"
      >
        <VirtualRows
          box={box}
          count={items.length}
          height={57}
          row={(index) => {
            const item = items[index];
            return item && <OneHit repository={repository} found={item} />;
          }}
        />
      </div>
    </>
  );
}

function OneHit({ repository, found: { path, newest, snapshots } }: { repository: string; found: FoundItem }) {
  const { texts, language } = useSpeech();
  const { item, snapshot, time } = newest;
  const isFolder = item.kind === "folder";
  const Sign = isFolder ? Folder : File;
  return (
    <div role="listitem" className="flex gap-3 border-b border-line px-4 py-2 hover:bg-raised">
      <Sign aria-hidden size={16} className="mt-1 shrink-0 text-faint" />
      <div className="min-w-0 grow">
        <Link
          to="/snapshots/$repository/$snapshot"
          params={{ repository, snapshot }}
          search={isFolder ? { path } : { path: folderOf(path), file: path }}
          className="font-semibold text-accent wrap-anywhere hover:underline"
        >
          <Name>{nameOf(path)}</Name>
        </Link>
        <p className="text-xs text-faint wrap-anywhere">
          <Name>{newest.folder}</Name> · {moment(time, language)}
          {snapshots > 1 && ` ${texts.snapshots.andMore(snapshots - 1)}`}
        </p>
      </div>
      <span className="shrink-0 tabular-nums">{item.size != null && size(item.size, language)}</span>
    </div>
  );
}
