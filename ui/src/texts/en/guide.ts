export const guide = {
  recovery: {
    title: "Recovery kit",
    hint:
      "A page with the places and passwords of your backups, and how to restore from them when this server is gone. Print it, or keep " +
      "it in a password manager. Whoever has it and can reach the storage can read all backups.",
    nobody: "Only owners of a project can download its recovery kit",
    nothing: "There is nothing to recover yet: no backup was made.",
    never: "No kit was downloaded yet. If this server is lost now, nobody can open its backups.",
    stale: "The kit is stale: backups have come to a new place since.",
    good: "The kit opens all backups.",
    issued: "Last downloaded",
    download: "Download the recovery kit",
    missing: "No recovery kit was downloaded yet",
    outdated: "The recovery kit is stale",
  },
};
