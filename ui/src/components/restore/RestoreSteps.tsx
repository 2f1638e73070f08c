import { useQuery } from "@tanstack/react-query";

import { nodes } from "../../api/queries";
import type { Repository, Snapshot } from "../../api/snapshots";
import { Problem } from "../../api/client";
import { useBuckets } from "../../api/useBuckets";
import { useDatabases } from "../../api/useDatabases";
import { useInstances } from "../../api/useInstances";
import { useMoments } from "../../api/useMoments";
import { useRestore } from "../../api/useRestore";
import { useServers } from "../../api/useServers";
import { wrongPrefix } from "../../lib/bucket";
import { areNames, areRenames } from "../../lib/mongodb";
import { ORIGINAL, bucketForm, formOf, mongodbForm, sqliteForm, usualNode } from "../../lib/restore";
import type { RestoreSearch } from "../../lib/snapshotSearch";
import { chosenOf, isFilePath } from "../../lib/sqlite";
import { useTyped } from "../../lib/useTyped";
import { useTexts } from "../../texts";
import { Failure, Loading } from "../basics";
import { Existing } from "./Existing";
import { Go } from "./Go";
import { GoInstance, Instance } from "./Instance";
import { GoIntoBucket, IntoBucket } from "./IntoBucket";
import { ExistingCollections, GoIntoMongodb, IntoMongodb } from "./IntoMongodb";
import { GoIntoSqlite, IntoSqlite } from "./IntoSqlite";
import { isOutside } from "./MomentField";
import { Step } from "./Step";
import { What } from "./What";
import { Where } from "./Where";

export type Change = (change: { [K in keyof RestoreSearch]?: RestoreSearch[K] | undefined }) => void;

type Props = {
  repository: Repository;
  project: string;
  snapshot: Snapshot;
  search: RestoreSearch;
  /** Whether any node may be handed the repository. */
  anyNode: boolean;
  change: Change;
};

export function RestoreSteps({ repository, project, snapshot, search, anyNode, change }: Props) {
  const texts = useTexts();
  const query = useQuery(nodes(project));
  const restore = useRestore(change);
  const usable = (query.data ?? []).filter(({ revoked, id }) => !revoked && (anyNode || !repository.node || repository.node === id));
  const node = usable.find(({ id }) => id === search.node) ?? usualNode(usable, repository, snapshot);
  const instances = useInstances(project, node, snapshot);
  const buckets = useBuckets(project, node, snapshot);
  const servers = useServers(project, node, snapshot);
  const holdsDatabases = useDatabases(project, snapshot);
  const windows = useMoments(repository, snapshot);
  const { target = ORIGINAL } = search;
  const [typed, setTyped, settle] = useTyped(target, (text) => text.startsWith("/") && change({ target: text }));
  const [prefix, setPrefix, settlePrefix] = useTyped(search.prefix ?? "", (text) => change({ prefix: text === "" ? undefined : text }));
  const [include, setInclude, settleInclude] = useTyped(search.include ?? "", (text) => change({ include: text === "" ? undefined : text }));
  const [renames, setRenames, settleRenames] = useTyped(search.renames ?? "", (text) => change({ renames: text === "" ? undefined : text }));
  const [to, setTo, settleTo] = useTyped(search.to ?? "", (text) => (text === "" || isFilePath(text)) && change({ to: text === "" ? undefined : text }));
  if (query.isLoadingError) {
    return <Failure error={query.error} again={() => void query.refetch()} />;
  }
  if (query.isPending) {
    return <Loading />;
  }
  if (!node) {
    return <Failure error={new Error(texts.restore.noNode)} />;
  }
  if (!instances || !buckets || !servers || holdsDatabases === undefined) {
    return <Loading />;
  }
  // An instance comes back as a whole unless something else is chosen: files put over one that runs would spoil it.
  const comesBack = instances.fitting.length > 0 && search.target === undefined && search.into === undefined && search.paths === undefined;
  const instance = instances.fitting.find(({ id }) => id === search.instance) ?? instances.likely;
  // What was in a bucket goes back to one unless something else is chosen.
  const isHome = search.into === undefined && search.target === undefined && !comesBack;
  // A server's backup has no other place to go back to; a connection of another node is none here.
  const isAtHome = !buckets.ways.some(({ id }) => id === search.into) && (search.target ?? ORIGINAL) === ORIGINAL && !comesBack;
  const isServer = servers.ways.some(({ id }) => id === search.into) || (servers.isOfServer && isAtHome);
  const isInto = !isServer && (search.into !== undefined || (isHome && buckets.isOfBucket));
  // Files put over databases that are open would spoil them, so there is no other original place.
  const isDatabases = holdsDatabases && search.into === undefined && target === ORIGINAL;
  const databases = chosenOf(snapshot.paths, search.paths);
  const places = to !== "" && databases.length === 1 ? [to] : databases;
  const oddPlace = places.every(isFilePath) ? undefined : texts.sqlite.toWrong;
  const way = search.into === undefined ? buckets.likely : buckets.ways.find(({ id }) => id === search.into);
  const server = search.into === undefined ? (servers.likely ?? servers.ways[0]) : servers.ways.find(({ id }) => id === search.into);
  // What was chosen in the snapshot are its files, which are none of a server's.
  const byName = search.paths === undefined ? undefined : texts.mongodb.byName;
  const oddNames = areNames(include) ? undefined : texts.mongodb.collectionWrong;
  const oddRenames = areRenames(renames) ? undefined : texts.mongodb.renamesWrong;
  const isBlocked = server === undefined || (byName ?? oddNames ?? oddRenames) !== undefined || isOutside(windows, search.until);
  const odd = wrongPrefix(prefix);
  const wrong = typed.startsWith("/") && !typed.split("/").includes("..") ? undefined : texts.restore.badTarget;
  const problem = restore.error;
  const field = problem instanceof Problem ? problem.field : undefined;
  const ofFiles = (dryRun: boolean) => ({ ...formOf(search, snapshot, node, dryRun), target: typed });
  const ofBucket = (dryRun: boolean) => bucketForm({ ...search, prefix }, snapshot, node, way?.id ?? "", dryRun);
  const ofDatabases = (dryRun: boolean) => sqliteForm({ ...search, to }, snapshot, node, dryRun);
  const ofServer = (dryRun: boolean) => mongodbForm({ ...search, include, renames }, snapshot, node, server?.id ?? "", dryRun);
  return (
    <div className="flex max-w-4xl flex-col gap-4">
      <Step number={1} title={texts.restore.what}>
        <What repository={repository} snapshot={snapshot} search={search} change={change} />
      </Step>
      <Step number={2} title={texts.restore.where}>
        <Where
          nodes={usable}
          node={node}
          snapshot={snapshot}
          target={typed}
          setTarget={setTyped}
          settle={settle}
          problem={wrong ?? (field === "target" ? problem?.message : undefined)}
          change={change}
          holdsInstance={instances.fitting.length > 0}
          comesBack={comesBack}
          buckets={buckets}
          servers={servers}
          holdsDatabases={holdsDatabases}
          into={isDatabases ? "sqlite" : isServer ? "mongodb" : isInto ? "bucket" : undefined}
        >
          {isServer && (
            <IntoMongodb
              servers={servers}
              chosen={server}
              include={{ text: include, type: setInclude, settle: settleInclude, problem: oddNames }}
              renames={{ text: renames, type: setRenames, settle: settleRenames, problem: oddRenames }}
              until={search.until}
              windows={windows}
              problem={byName ?? (field?.includes("into") ? problem?.message : undefined)}
              change={change}
            />
          )}
          {isInto && (
            <IntoBucket
              buckets={buckets}
              chosen={way}
              snapshot={snapshot}
              prefix={prefix}
              setPrefix={setPrefix}
              settle={settlePrefix}
              problem={odd ? texts.bucket[odd] : field?.startsWith("into") ? problem?.message : undefined}
              change={change}
            />
          )}
          {isDatabases && (
            <IntoSqlite
              databases={snapshot.paths}
              chosen={databases}
              to={{ text: to, type: setTo, settle: settleTo, problem: oddPlace }}
              problem={databases.length === 0 ? texts.sqlite.none : field?.startsWith("into") ? problem?.message : undefined}
              change={change}
            />
          )}
          {comesBack && <Instance instances={instances} chosen={instance} change={change} />}
        </Where>
      </Step>
      {comesBack ? (
        <Step number={3} title={texts.restore.go}>
          <GoInstance instance={instance} snapshot={snapshot} node={node} dry={search.dry} restore={restore} />
        </Step>
      ) : isDatabases ? (
        <Step number={3} title={texts.restore.go}>
          <GoIntoSqlite form={ofDatabases} places={places} blocked={places.length === 0 || oddPlace !== undefined} dry={search.dry} restore={restore} />
        </Step>
      ) : isServer ? (
        <>
          <Step number={3} title={texts.mongodb.existing}>
            <ExistingCollections search={search} change={change} />
          </Step>
          <Step number={4} title={texts.restore.go}>
            <GoIntoMongodb form={ofServer} chosen={server} blocked={isBlocked} dry={search.dry} restore={restore} />
          </Step>
        </>
      ) : (
        <>
          <Step number={3} title={isInto ? texts.bucket.existing : texts.restore.existing}>
            <Existing
              snapshot={snapshot}
              search={search}
              problem={field === "delete" ? problem?.message : undefined}
              change={change}
              isBucket={isInto}
            />
          </Step>
          <Step number={4} title={texts.restore.go}>
            {isInto ? (
              <GoIntoBucket form={ofBucket} chosen={way} blocked={way === undefined || odd !== undefined} dry={search.dry} restore={restore} />
            ) : (
              <Go form={ofFiles} dry={search.dry} restore={restore} blocked={wrong !== undefined} />
            )}
          </Step>
        </>
      )}
    </div>
  );
}
