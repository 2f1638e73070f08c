//! The works that are measured, and the order in which each corpus has them.

/// One work of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Make the repository.
    Init,
    /// The first backup.
    First,
    /// A backup of what has not changed.
    Unchanged,
    /// Open the repository and little else: mostly the key derivation, which every other work includes.
    Open,
    /// A backup after the next version has come into the place of the first.
    Next,
    /// Restore of the latest snapshot into an empty folder.
    Restore,
    /// Check of everything, reading all data.
    Check,
    /// One more backup, so that half of the snapshots can go.
    Repeat,
    /// Forget the older half of the snapshots and give back all space that they alone used.
    Prune,
}

/// A work, and the number of the newest snapshot once it is done, counted from 1.
#[derive(Clone, Copy)]
pub(crate) struct Stage {
    pub(crate) work: Work,
    pub(crate) snapshot: u32,
}

/// Of these four snapshots, two are forgotten.
pub(crate) const TREE_WORKS: &[Work] = &[
    Work::Init,
    Work::First,
    Work::Unchanged,
    Work::Open,
    Work::Next,
    Work::Restore,
    Work::Check,
    Work::Repeat,
    Work::Prune,
];

pub(crate) const FILE_WORKS: &[Work] = &[Work::Init, Work::First, Work::Next, Work::Restore, Work::Check];

pub(crate) const SMALL_WORKS: &[Work] =
    &[Work::Init, Work::First, Work::Unchanged, Work::Restore, Work::Check];

/// How many snapshots [`Work::Prune`] leaves.
pub(crate) const KEEP: u32 = 2;

impl Work {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::First => "first backup",
            Self::Unchanged => "again, nothing changed",
            Self::Open => "open (key derivation)",
            Self::Next => "next version in its place",
            Self::Restore => "restore",
            Self::Check => "check --read-data",
            Self::Repeat => "again",
            Self::Prune => "forget half and prune",
        }
    }

    pub(crate) fn is_backup(self) -> bool {
        matches!(self, Self::First | Self::Unchanged | Self::Next | Self::Repeat)
    }

    /// Whether its figures are kept; the others only set the scene.
    pub(crate) fn is_measured(self) -> bool {
        !matches!(self, Self::Init | Self::Repeat)
    }

    /// Whether the size of the repository after it is of interest.
    pub(crate) fn grows_or_shrinks(self) -> bool {
        matches!(self, Self::First | Self::Next | Self::Prune)
    }
}
