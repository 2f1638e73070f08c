// How a bucket keeps what is written to it.

/** How long a service takes to bring something back, by how quick it has to be; from these classes. */
const TIMES = {
  GLACIER: { expedited: "within 5 minutes", standard: "within 5 hours", bulk: "within 12 hours" },
  DEEP_ARCHIVE: { expedited: "not there for this class", standard: "within 12 hours", bulk: "within 48 hours" },
} as Record<string, Record<"expedited" | "standard" | "bulk", string>>;

export const keeping = {
  title: "Storage class, lock and encryption",
  hint: "For what is written from now on. What is in the bucket already stays as it is.",
  class: "Storage class",
  classHint: "Only packs of data and archives go there. Folders, the index and snapshots stay where they are read at once, so that backups, searches and checks go on as ever.",
  classes: {
    "": "The service's choice",
    STANDARD_IA: "Read seldom (STANDARD_IA)",
    ONEZONE_IA: "Read seldom, one zone (ONEZONE_IA)",
    INTELLIGENT_TIERING: "By use (INTELLIGENT_TIERING)",
    GLACIER_IR: "Archive, read at once (GLACIER_IR)",
    GLACIER: "Archive (GLACIER)",
    DEEP_ARCHIVE: "Deep archive (DEEP_ARCHIVE)",
    other: "Another class",
  },
  other: "Name of the class",
  otherHint: "As the service writes it, in capitals.",
  archive: "What lies in this class cannot be read at once. A restore asks the service for what it needs and waits until it is there; each time costs. Destinations that hold archives cannot use it.",
  thaw: "Let restores bring back what lies in an archive class",
  thawHint: "Needed while packs of earlier backups lie in such a class. A restore asks for them and waits.",
  tier: "How quick it has to be brought back",
  tierHint: "The quicker, the dearer.",
  tiers: (name: string) => {
    const times = TIMES[name];
    const told = (tier: "standard" | "bulk" | "expedited", word: string) => (times ? `${word}, ${times[tier]}` : word);
    return { standard: told("standard", "Standard"), bulk: told("bulk", "Cheapest"), expedited: told("expedited", "Quickest") };
  },
  thawDays: "Days for which it can be read then",
  lock: "Object lock",
  locks: { "": "None", governance: "Locked, but for some (governance)", compliance: "Locked for everybody (compliance)" },
  lockHints: {
    "": "Whoever has the keys may delete what is stored.",
    governance: "Only those whom the service allows it end a lock before its time.",
    compliance: "Nobody ends a lock before its time, you and the service included. Try governance and one day first.",
  },
  lockDays: "Days that a lock lasts",
  lockDaysHint:
    "From the moment of writing. A lock cannot be shortened, and what is locked is paid for until it ends. The bucket has to be made with object lock.",
  encryption: "Encryption by the service",
  encryptions: { "": "The service's choice", aes256: "With the service's own keys (AES256)", kms: "With a key of its key service (aws:kms)" },
  encryptionHints: {
    "": "Repositories are encrypted by Backstay in any case.",
    aes256: "Beside Backstay's own encryption, where a policy asks for it.",
    kms: "The access key has to have the right to use that key, also to read.",
  },
  key: "Key",
  keyHint: "Its id, its alias or its ARN. The account's usual one when it is empty.",
  daysWrong: "A whole number from 1 to 36,500.",
  locked: (mode: string, days: number) => `${days} ${days === 1 ? "day" : "days"}, ${mode}`,
  thawed: "How it is brought back",
};
