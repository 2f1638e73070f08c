//! Which packs a check has read, kept so that one that is interrupted does not read them again.
//!
//! Only packs that were sound are noted: one that is broken is read again, and told of again. What a check chose by chance is
//! noted too, so that it goes on with the same choice.

use std::collections::HashSet;
use std::path::Path;

use backstay_core::FileId;

use super::ReadData;
use crate::format::index::PackIndex;
use crate::records::Records;
use crate::repository::Repository;

/// The first byte of a record says what it is; none of them is one of a backup's journal.
const BEGUN: u8 = 16;
const CHOSEN: u8 = 17;
const SOUND: u8 = 18;
/// Packs in one record of a choice.
const MANY: usize = 1024;

/// How far a check has come.
pub struct Place {
    records: Records,
    past: Past,
}

#[derive(Default)]
struct Past {
    /// How many packs were chosen, and from what it was that they were.
    begun: Option<(u64, Vec<u8>)>,
    chosen: HashSet<FileId>,
    sound: HashSet<FileId>,
}

impl Place {
    /// Opens the file at this path, or makes one. `None` when another check is writing it.
    ///
    /// # Errors
    /// When the file cannot be opened or made.
    pub fn open(repository: &Repository, path: &Path) -> std::io::Result<Option<Self>> {
        let mut past = Past::default();
        let records = Records::open(repository, path, |record| {
            past.take(record);
        })?;
        Ok(records.map(|records| Self { records, past }))
    }

    /// Removes the file: the check is over, and the next one reads everything.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn complete(&self) -> std::io::Result<()> {
        self.records.remove()
    }

    /// What was chosen before by the same rule, if all of it is known.
    pub(super) fn choice(&self, rule: &ReadData) -> Option<&HashSet<FileId>> {
        let (count, begun_by) = self.past.begun.as_ref()?;
        let whole = *begun_by == name(rule) && *count == self.past.chosen.len() as u64;
        whole.then_some(&self.past.chosen)
    }

    /// Notes a choice; what was noted before is of no use to it.
    pub(super) fn begin(&self, rule: &ReadData, chosen: &[PackIndex]) {
        if self.records.clear().is_err() {
            return;
        }
        let mut begun = vec![BEGUN];
        begun.extend_from_slice(&(chosen.len() as u64).to_le_bytes());
        begun.extend_from_slice(&name(rule));
        self.records.append(&begun, false);
        for some in chosen.chunks(MANY) {
            let mut record = vec![CHOSEN];
            some.iter().for_each(|pack| record.extend_from_slice(&pack.id.0));
            self.records.append(&record, true);
        }
    }

    /// Whether a pack of the choice was read and is sound.
    pub(super) fn is_sound(&self, pack: &FileId) -> bool {
        self.past.sound.contains(pack)
    }

    /// Notes that a pack was read and is sound.
    pub(super) fn note(&self, pack: &FileId) {
        let mut record = vec![SOUND];
        record.extend_from_slice(&pack.0);
        self.records.append(&record, true);
    }
}

impl Past {
    /// Takes in one record. `None` when it cannot be understood; nothing is taken then.
    fn take(&mut self, record: &[u8]) -> Option<()> {
        let (tag, rest) = record.split_first()?;
        match *tag {
            BEGUN => {
                let (count, rule) = rest.split_first_chunk::<8>()?;
                self.begun = Some((u64::from_le_bytes(*count), rule.to_vec()));
            }
            CHOSEN => self.chosen.extend(rest.as_chunks::<32>().0.iter().map(|id| FileId(*id))),
            SOUND => {
                self.sound.insert(FileId(rest.try_into().ok()?));
            }
            _ => return None,
        }
        Some(())
    }
}

fn name(rule: &ReadData) -> Vec<u8> {
    format!("{rule:?}").into_bytes()
}
