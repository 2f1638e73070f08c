//! How the service is to keep what is written to it, and how it gives back what it cannot read at once.

use std::fmt;
use std::time::Duration;

/// A lock that new objects get: until it ends, nobody deletes or changes them. The bucket has to allow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// Who may end it before its time.
    pub mode: LockMode,
    /// How many days it lasts.
    pub days: u32,
}

/// Who may end a lock before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Those whom the service allows it.
    Governance,
    /// Nobody, the account's owner included.
    Compliance,
}

impl LockMode {
    /// Its name in the protocol.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }

    /// Reads its name, in any case.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Governance, Self::Compliance].into_iter().find(|mode| word.eq_ignore_ascii_case(mode.name()))
    }
}

/// How the service encrypts new objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// With keys that it keeps itself.
    Aes256,
    /// With a key of its key service: the one of this id, or the account's usual one.
    Kms(Option<String>),
}

/// How objects are brought back that lie in an archive class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thaw {
    /// For how many days they can be read then.
    pub days: u32,
    /// How quick it has to be.
    pub tier: Tier,
    /// How long to wait for them.
    pub patience: Duration,
    /// How long from one look whether they are there to the next.
    pub look_again_in: Duration,
}

impl Default for Thaw {
    /// A week, at the usual tier, waited for a day as restic does. What lies deepest takes two with the tier [`Tier::Bulk`].
    fn default() -> Self {
        let patience = Duration::from_secs(24 * 60 * 60);
        Self { days: 7, tier: Tier::Standard, patience, look_again_in: Duration::from_secs(60) }
    }
}

/// How quick the service brings objects back: the quicker, the dearer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tier {
    /// Within minutes. Not for the class `DEEP_ARCHIVE`.
    Expedited,
    /// Within hours.
    #[default]
    Standard,
    /// Within half a day, or two days.
    Bulk,
}

impl Tier {
    /// Its name in the protocol.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expedited => "Expedited",
            Self::Standard => "Standard",
            Self::Bulk => "Bulk",
        }
    }

    /// Reads its name, in any case.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Expedited, Self::Standard, Self::Bulk]
            .into_iter()
            .find(|tier| word.eq_ignore_ascii_case(tier.name()))
    }

    /// How long it takes at most, as Amazon says.
    #[must_use]
    pub const fn takes(self, class: ArchiveClass) -> Duration {
        let minutes = match (self, class) {
            (Self::Expedited, _) => 5,
            (Self::Standard, ArchiveClass::Glacier) => 5 * 60,
            (Self::Standard, ArchiveClass::DeepArchive) | (Self::Bulk, ArchiveClass::Glacier) => 12 * 60,
            (Self::Bulk, ArchiveClass::DeepArchive) => 48 * 60,
        };
        Duration::from_secs(minutes * 60)
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A class whose objects cannot be read before they are brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveClass {
    /// `GLACIER`, which Amazon calls Glacier Flexible Retrieval.
    Glacier,
    /// `DEEP_ARCHIVE`.
    DeepArchive,
}

impl ArchiveClass {
    /// Reads the name of a class; none where objects of the class can be read at once.
    #[must_use]
    pub fn of(class: &str) -> Option<Self> {
        match class {
            "GLACIER" => Some(Self::Glacier),
            "DEEP_ARCHIVE" => Some(Self::DeepArchive),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_case() {
        assert_eq!(LockMode::of("governance"), Some(LockMode::Governance));
        assert_eq!(LockMode::of("never"), None);
        assert_eq!(Tier::of("BULK"), Some(Tier::Bulk));
        assert_eq!(Tier::of(""), None);
    }

    #[test]
    fn only_two_classes_must_be_waited_for() {
        assert_eq!(ArchiveClass::of("DEEP_ARCHIVE"), Some(ArchiveClass::DeepArchive));
        assert_eq!(ArchiveClass::of("GLACIER_IR"), None);
        assert!(
            Tier::Bulk.takes(ArchiveClass::DeepArchive) > Tier::Standard.takes(ArchiveClass::DeepArchive)
        );
    }
}
