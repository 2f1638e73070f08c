import { plural } from "../words";

export const sqlite = {
  databases: "Databases",
  nodeHint: "The computer that the files of the databases are on.",
  hint: "Programs may go on writing: each database is copied within one transaction, and the copy is checked. Where a database has a rollback journal, those who write wait at their commit until the copy is made.",
  treeHint: "Tick the files of the databases. With the keyboard: arrows, space to tick.",
  inPlace: "Into their place",
  inPlaceHint: "Databases are put back where they were, or one of them under another path. What is there now is kept beside them.",
  none: "Nothing that was chosen in step 1 is one of the databases. Restore everything, or choose databases.",
  to: "Under another path",
  toHint: "The file that the database becomes; its folder has to be there. Where it was when this is empty.",
  toWrong: "It has to be the absolute path of a file, without “..”, as /srv/app/old.db.",
  happens: [
    "Stop the program that uses the databases. Where one is seen to be open, the restore fails and nothing is changed; of programs of other users that may not be seen.",
    "Each database is brought back beside its place and checked there: it has to be whole, and its tables have to have as many rows as in the backup.",
    "It takes its place. What was there is kept beside it under its name with .before-… behind it, until you delete it.",
    "Start the program again.",
  ],
  goHint: "A dry run writes nothing. Its log says which files would be replaced; it fails where a program has a database open or there is no room.",
  sure: (count: number) => `Put ${count} ${plural(count, "database", "databases")} back?`,
  sureHint: (places: readonly string[]) =>
    `The program that uses ${plural(places.length, "it", "them")} has to be stopped. What is there now is kept under its name with .before-… behind it: ${places.join(", ")}`,
  would: "Databases it would put back",
  did: "Databases put back",
  rows: "Rows in them",
  compared: "Rows compared with the backup",
  kept: "What was there is kept as",
};
