import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";

import type { Node } from "../../api/queries";
import type { Snapshot } from "../../api/snapshots";
import type { Buckets } from "../../api/useBuckets";
import type { Servers } from "../../api/useServers";
import { ORIGINAL } from "../../lib/restore";
import { useTexts } from "../../texts";
import { Field, inputClass } from "../basics";
import { Choice } from "../Choice";
import { FolderChooser } from "./FolderChooser";
import type { Change } from "./RestoreSteps";
import { Name } from "../Name";

/** What is offered when somebody wants another folder. */
const OTHER = "/restored";

type Props = {
  nodes: readonly Node[];
  node: Node;
  snapshot: Snapshot;
  target: string;
  setTarget: (target: string) => void;
  /** The target was entered. */
  settle: () => void;
  problem: string | undefined;
  change: Change;
  /** Whether the snapshot is one of a database that may be brought back in its place. */
  holdsInstance: boolean;
  /** Whether that is chosen. */
  comesBack: boolean;
  /** The buckets that it may go to. */
  buckets: Buckets;
  /** The servers of MongoDB that it may go to. */
  servers: Servers;
  /** Whether the snapshot is one of databases of SQLite. */
  holdsDatabases: boolean;
  /** What it goes to instead of a folder, if it does. */
  into: "bucket" | "mongodb" | "sqlite" | undefined;
  /** What there is to say of what is chosen. */
  children?: ReactNode;
};

/** Where to: on which node, and into which folder. */
export function Where(props: Props) {
  const { nodes, node, snapshot, target, setTarget, settle, problem, change, holdsInstance, comesBack, buckets, servers, holdsDatabases, into, children } = props;
  const texts = useTexts();
  const isFolder = !comesBack && into === undefined;
  const isOriginal = target === ORIGINAL && isFolder;
  const isOther = target !== ORIGINAL && isFolder;
  const [first] = buckets.ways;
  const isElsewhere = Boolean(node.host?.host_name) && node.host?.host_name !== snapshot.host;
  return (
    <div className="flex flex-col gap-4">
      {nodes.length > 1 ? (
        <div className="max-w-sm">
          <Field label={texts.form.node}>
            <select className={inputClass} value={node.id} onChange={({ target }) => change({ node: target.value })}>
              {nodes.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </Field>
        </div>
      ) : (
        <p className="text-sm">
          <span className="text-faint">{texts.form.node}: </span>
          <Name>{node.name}</Name>
        </p>
      )}
      <Choice
        legend={texts.restore.place}
        value={comesBack ? "instance" : into ?? (isOriginal ? "original" : "other")}
        choices={[
          ...(holdsInstance ? [["instance", texts.mysql.inPlace, texts.mysql.inPlaceHint] as const] : []),
          ...(holdsDatabases ? [["sqlite", texts.sqlite.inPlace, texts.sqlite.inPlaceHint] as const] : []),
          ...(servers.isOffered ? [["mongodb", texts.mongodb.into, texts.mongodb.intoHint] as const] : []),
          ...(servers.isOfServer || holdsDatabases ? [] : [["original", texts.restore.original, buckets.isOfBucket ? texts.bucket.asFiles : texts.restore.originalHint] as const]),
          ["other", texts.restore.other, servers.isOfServer ? texts.mongodb.otherHint : texts.restore.otherHint] as const,
          ...(first !== undefined || into === "bucket" ? [["bucket", texts.bucket.into, texts.bucket.intoHint] as const] : []),
        ]}
        choose={(place) =>
          change(
            place === "instance" || place === "sqlite"
              ? {
                  target: undefined,
                  into: undefined,
                  prefix: undefined,
                  overwrite: undefined,
                  delete: undefined,
                  // An instance comes back as a whole.
                  ...(place === "instance" && { paths: undefined }),
                }
              : place === "mongodb"
                ? { into: (servers.likely ?? servers.ways[0])?.id, target: undefined, instance: undefined, prefix: undefined, paths: undefined }
                : place === "bucket"
                  ? { into: (buckets.likely ?? first)?.id, target: undefined, instance: undefined }
                  : { target: place === "original" ? ORIGINAL : OTHER, into: undefined, prefix: undefined, instance: undefined },
          )
        }
      />
      {children}
      {isOther && (
        <div className="ms-6 flex flex-wrap items-end gap-2">
          <div className="min-w-0 grow basis-64">
            <Field label={texts.restore.folder}>
              <input
                className={`${inputClass} font-mono`}
                value={target}
                spellCheck={false}
                autoComplete="off"
                aria-invalid={problem !== undefined}
                aria-describedby="target-example"
                onChange={({ target }) => setTarget(target.value)}
                onBlur={settle}
              />
            </Field>
          </div>
          <FolderChooser node={node.id} start="/" choose={setTarget} />
          <p id="target-example" className="w-full text-xs text-faint wrap-anywhere">
            {texts.restore.example(`${target.replace(/\/+$/, "")}${servers.isOfServer ? "/shop" : (snapshot.paths[0] ?? "/")}`)}
          </p>
        </div>
      )}
      {problem !== undefined && isFolder && (
        <p role="alert" className="text-sm text-bad wrap-anywhere">
          {problem}
        </p>
      )}
      {isOriginal && holdsInstance && (
        <p className="flex items-start gap-2 text-sm text-warn">
          <TriangleAlert aria-hidden size={16} className="mt-0.5 shrink-0" />
          {texts.mysql.overRunning}
        </p>
      )}
      {!isOther && (into === undefined || into === "sqlite") && isElsewhere && (
        <p className="flex items-start gap-2 text-sm text-warn">
          <TriangleAlert aria-hidden size={16} className="mt-0.5 shrink-0" />
          {texts.restore.elsewhere(node.name, snapshot.host)}
        </p>
      )}
    </div>
  );
}
