import { plural } from "../words";

const keys = (prefixes: readonly string[], more: number) =>
  `keys that begin with ${prefixes.map((prefix) => `“${prefix}”`).join(" or ")}${more > 0 ? ` and ${more} other ${plural(more, "way", "ways")}` : ""}`;

export const bucket = {
  title: "The bucket",
  nodeHint: "The computer that reads the bucket.",
  connectionHint: "One of the type S3 bucket on this node. Its keys need the right to list and to read.",
  unusedConnection: "Not used by any destination or source",
  named: (bucket: string, prefixes: readonly string[], more: number) =>
    `Bucket ${bucket}, ${prefixes.length === 0 ? "all keys" : keys(prefixes, more)}`,
  objects: "Which objects",
  prefixes: "Keys begin with",
  prefixesHint: "One on each line, as photos/ or logs/2026-. All objects of the bucket when it is empty.",
  allKeys: "All keys",
  dots: "“.” and “..” cannot be a part between slashes.",
  long: "A key has at most 1024 bytes.",
  excludes: "Patterns of what is left out",
  excludesHint: "One on each line, over /bucket/key. A pattern without a slash matches a name anywhere; * stands for any part of a name, ** for any folders.",
  larger: "Leave out objects larger than",
  tags: "Take tags along",
  tagsHint: "This takes a request more for each object that is read and has some.",
  yes: "Yes",
  no: "No",
  into: "A bucket",
  intoHint: "Objects are written to a bucket of an S3 service. All of the backup is read before anything is written.",
  connection: "Connection to the bucket",
  noConnection: "This node has no connection of the type S3 bucket.",
  prefix: "Put before all keys",
  prefixHint: "As restored/. Objects get the keys that they had when it is empty.",
  exampleKey: (bucket: string, key: string) => `For example ${key} in ${bucket}`,
  asFiles: "As files on the node's computer, in a folder with the bucket's name.",
  existing: "What happens to objects that are there",
  overwrite: "Objects that are there",
  modes: {
    always: ["Replace what differs", "Every object is compared. What is not as in the snapshot is replaced."],
    if_newer: ["Keep newer objects", "Objects that were written after the snapshot's stay as they are."],
    never: ["Keep all objects that are there", "Only what is missing is restored."],
  } as Record<"always" | "if_newer" | "never", readonly [string, string]>,
  deleteHint: "Objects that are not in the snapshot are deleted for good: of the whole bucket, or of what begins with the prefix or was chosen.",
  goHint: "A dry run writes nothing and says what would be done; it does not count what would be deleted. After a restore, what the service lists is compared with the backup.",
  sure: "Delete in the bucket?",
  sureHint: (bucket: string, prefix: string, paths: readonly string[]) =>
    `In the bucket ${bucket}, ${prefix === "" ? "all objects" : `all objects whose keys begin with “${prefix}”`} that are not in the snapshot are deleted for good.${
      paths.length === 0 ? "" : ` It concerns only what was chosen: ${paths.join(", ")}`
    }`,
  place: (bucket: string, prefix: string) => (prefix === "" ? `Bucket ${bucket}` : `Bucket ${bucket}, below “${prefix}”`),
  gone: "Bucket of a connection that is gone",
  written: "Objects written",
  unchanged: "Objects that were there already",
  replaced: "Objects that took the place of others",
  compared: "Objects found as in the backup",
  deleted: "Objects deleted",
  skipped: "Objects left alone",
};
