//! Checks and prunes that are interrupted: what they did is not done again.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use backstay_core::{Control, FileId, FileKind, Silent};
use backstay_engine::Result;
use backstay_engine::check::{CheckOptions, CheckReport, Place, ReadData, check_from};
use backstay_engine::format::BlobKind;
use backstay_storage::Memory;
use parking_lot::Mutex;

use crate::support::noise;
use crate::support::source::add_file;
use crate::support::vault::{Taken, Vault};
use crate::support::wrapped::Wrapped;

/// A way into a repository that counts how often each pack of data is read, and cancels the work at some number of reads.
struct Watched {
    vault: Vault,
    reads: Arc<Mutex<BTreeMap<FileId, usize>>>,
}

impl Watched {
    fn over(memory: &Memory, cancel_at: Option<usize>) -> Self {
        let (control, count) = (Control::new(), AtomicUsize::new(0));
        let reads = Arc::new(Mutex::new(BTreeMap::new()));
        let data = data_packs(&Vault::open(Arc::new(memory.clone())).unwrap());
        let (noted, reins) = (Arc::clone(&reads), control.clone());
        let storage = Wrapped::over(memory, move |action, handle| {
            if action == "read" && handle.kind == FileKind::Pack && data.contains(&handle.id) {
                *noted.lock().entry(handle.id).or_default() += 1;
                if Some(count.fetch_add(1, Ordering::SeqCst) + 1) == cancel_at {
                    reins.cancel();
                }
            }
            Ok(())
        });
        Self { vault: Vault::open(storage).unwrap().steered_by(&control), reads }
    }

    fn read(&self) -> HashSet<FileId> {
        self.reads.lock().keys().copied().collect()
    }

    /// Only what its threads had in hand when `before` was cancelled is read again.
    #[track_caller]
    fn goes_on_after(&self, before: &Self, most: usize) {
        let again = self.read().intersection(&before.read()).count();
        assert!(again <= most, "{again} of {} packs were read again", before.read().len());
    }

    fn check(&self, path: &Path, read_data: ReadData) -> Result<CheckReport> {
        let options = CheckOptions { read_data, ..CheckOptions::default() };
        let place = Place::open(&self.vault.repository, path).unwrap().unwrap();
        check_from(&self.vault.repository, &options, Some(&place), &Silent)
    }
}

fn data_packs(vault: &Vault) -> HashSet<FileId> {
    let packs = vault.repository.load_index().unwrap().packs();
    let of_data = packs.into_iter().filter(|pack| pack.blobs.iter().all(|blob| blob.kind == BlobKind::Data));
    of_data.map(|pack| pack.id).collect()
}

fn fill(vault: &Vault, numbers: impl Iterator<Item = u64>) -> Taken {
    let numbers: Vec<u64> = numbers.collect();
    vault.back_up(|root| {
        for number in &numbers {
            add_file(root, &number.to_string(), &noise(*number, 9000));
        }
    })
}

#[test]
fn packs_that_an_interrupted_check_has_read_are_not_read_again() {
    let (vault, memory) = Vault::new();
    fill(&vault, 0..200);
    let all = data_packs(&vault);
    assert!(all.len() > 20, "{}", all.len());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("place");

    let first = Watched::over(&memory, Some(9));
    assert!(first.check(&path, ReadData::All).unwrap_err().is_interrupted());
    let before = first.read();
    assert!((9..all.len() - 5).contains(&before.len()), "{} of {}", before.len(), all.len());

    let second = Watched::over(&memory, None);
    let report = second.check(&path, ReadData::All).unwrap();
    assert_eq!(report.errors(), 0, "{:#?}", report.findings);
    second.goes_on_after(&first, 4);
    assert_eq!(&second.read() | &before, all);
    assert_eq!(report.packs_read, vault.ids(FileKind::Pack).len() as u64);
}

#[test]
fn an_interrupted_check_goes_on_with_what_it_chose_by_chance() {
    let (vault, memory) = Vault::new();
    fill(&vault, 0..200);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("place");
    let wanted = vault.ids(FileKind::Pack).len().div_ceil(2);

    let first = Watched::over(&memory, Some(5));
    first.check(&path, ReadData::Percent(50.0)).unwrap_err();
    // What comes meanwhile is not of the choice.
    fill(&vault, 300..400);
    let second = Watched::over(&memory, None);
    let report = second.check(&path, ReadData::Percent(50.0)).unwrap();
    assert_eq!((report.errors(), report.packs_read), (0, wanted as u64));
    second.goes_on_after(&first, 4);
}

#[test]
fn what_was_broken_before_the_interruption_is_told_after_it() {
    let (vault, memory) = Vault::new();
    fill(&vault, 0..200);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("place");
    for pack in data_packs(&vault) {
        let handle = backstay_core::Handle::new(FileKind::Pack, pack);
        let mut bytes = memory.get(&handle).unwrap().to_vec();
        bytes[40] ^= 1;
        memory.put(handle, &bytes);
    }
    let broken = data_packs(&vault).len();
    Watched::over(&memory, Some(9)).check(&path, ReadData::All).unwrap_err();
    let report = Watched::over(&memory, None).check(&path, ReadData::All).unwrap();
    assert_eq!(report.broken_packs.len(), broken);
}

#[test]
fn the_place_of_another_check_or_a_garbled_one_says_nothing() {
    let (vault, memory) = Vault::new();
    fill(&vault, 0..200);
    let all = data_packs(&vault);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("place");
    Watched::over(&memory, Some(9)).check(&path, ReadData::Bytes(1 << 40)).unwrap_err();
    let noted = std::fs::read(&path).unwrap();

    let other = Watched::over(&memory, None);
    other.check(&path, ReadData::All).unwrap();
    assert_eq!(other.read(), all);

    for end in [0, 3, 60, 200] {
        std::fs::write(&path, &noted[..end]).unwrap();
        let again = Watched::over(&memory, None);
        again.check(&path, ReadData::Bytes(1 << 40)).unwrap();
        assert_eq!(again.read(), all, "{end}");
    }
    let mut garbled = noted;
    garbled[10] ^= 1;
    std::fs::write(&path, &garbled).unwrap();
    let again = Watched::over(&memory, None);
    again.check(&path, ReadData::Bytes(1 << 40)).unwrap();
    assert_eq!(again.read(), all);
}

#[test]
fn one_place_serves_one_check_at_a_time() {
    let (vault, _) = Vault::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("place");
    let first = Place::open(&vault.repository, &path).unwrap().unwrap();
    assert!(Place::open(&vault.repository, &path).unwrap().is_none());
    first.complete().unwrap();
    assert!(!path.exists());
}

#[test]
fn packs_that_an_interrupted_prune_has_written_anew_are_not_written_again() {
    // Every pack is needed in part.
    let (vault, memory) = Vault::new();
    let gone = fill(&vault, 0..300);
    let kept = fill(&vault, (0..300).filter(|number| number % 2 == 0));
    vault.forget(gone.id);
    let all = data_packs(&vault);
    let first = Watched::over(&memory, Some(all.len() / 2));
    assert!(first.vault.prune().unwrap_err().is_interrupted());
    vault.is_sound();
    assert!(data_packs(&vault).len() > all.len(), "nothing was stored anew");

    let second = Watched::over(&memory, None);
    second.vault.prune().unwrap();
    vault.is_sound();
    // Each of two threads reads one, and holds what it has read of two others in a pack that is not full yet.
    second.goes_on_after(&first, 6);
    assert!(data_packs(&vault).is_disjoint(&all));
    assert_eq!(vault.restored(&kept).len(), 150);
}
