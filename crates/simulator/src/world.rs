//! The state between steps: two repositories, and what each owes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use backstay_core::{FileId, FileKind, Handle, Silent};
use backstay_engine::check::check;
use backstay_storage::Memory;
use backstay_storage::testing::Damage;

use crate::dice::Dice;
use crate::narrow::Narrow;
use crate::operation::{everything, origin};
use crate::process::Process;
use crate::promise::{Promise, Promises, restored};
use crate::target::difference;
use crate::tree::{Version, versions};

/// Versions of the tree that a scenario may back up.
const VERSIONS: usize = 8;

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) process: Process,
    versions: Vec<Arc<Version>>,
    next: usize,
    pub(crate) main: Memory,
    pub(crate) promises: Promises,
    /// The ids that the snapshots owed have now, by those that they had first.
    pub(crate) ids: BTreeMap<FileId, FileId>,
    /// The target of copies.
    pub(crate) second: Memory,
    pub(crate) copies: Promises,
    /// What kind of file is damaged and not repaired yet.
    pub(crate) damaged: Option<FileKind>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Result<Self, String> {
        let mut dice = Dice::new(seed, &[2]);
        let pack_size = dice.pick(&[800, 2000, 5000]).copied().unwrap_or(1500);
        let process = Process { number: 1, pack_size };
        let second = Memory::new();
        process.init(Arc::new(Narrow(second.clone()))).map_err(|error| error.to_string())?;
        Ok(Self {
            process: process.numbered(2),
            versions: versions(seed, VERSIONS),
            next: 0,
            main: Memory::new(),
            promises: Promises::new(),
            ids: BTreeMap::new(),
            second,
            copies: Promises::new(),
            damaged: None,
        })
    }

    /// The version that comes next.
    pub(crate) fn version(&self) -> Option<&Arc<Version>> {
        self.versions.get(self.next.min(VERSIONS - 1))
    }

    /// Goes on to the version after it.
    pub(crate) fn turn(&mut self) {
        self.next += 1;
    }

    /// Damages an index file for good. Packs are whole, so nothing is lost.
    pub(crate) fn damage_index(&mut self, dice: &mut Dice) {
        self.damage(FileKind::Index, dice);
        self.damaged = Some(FileKind::Index);
    }

    /// Damages a pack for good, and lowers what is owed to what does not need the damaged part.
    pub(crate) fn damage_pack(&mut self, dice: &mut Dice) -> Result<(), String> {
        let Some((handle, damage)) = self.damage(FileKind::Pack, dice) else { return Ok(()) };
        let left = self.main.fork();
        if matches!(damage, Damage::Truncate(_)) {
            // What lies before the cut may come back or not.
            left.damage(&handle, Damage::Delete);
        }
        let text = |error: backstay_engine::Error| error.to_string();
        let repository = self.process.open(Arc::new(Narrow(left))).map_err(text)?;
        let found = check(&repository, &everything(), &Silent);
        if found.map_err(text)?.errors() == 0 {
            return Err(format!("check does not see {damage:?} of {handle}"));
        }
        let index = repository.load_index().map_err(text)?;
        for (origin, promise) in &mut self.promises {
            let Promise::Whole(version) = &*promise else { continue };
            let entry =
                repository.load_snapshot(self.ids.get(origin).copied().unwrap_or(*origin)).map_err(text)?;
            let image = restored(&repository, &index, &entry)?.image;
            if let Some(why) = difference(&image, &version.image, false) {
                return Err(format!("restore from a damaged pack, {damage:?}: {why}"));
            }
            *promise = Promise::Undamaged(Arc::new(image));
        }
        self.damaged = Some(FileKind::Pack);
        Ok(())
    }

    fn damage(&self, kind: FileKind, dice: &mut Dice) -> Option<(Handle, Damage)> {
        let handles: Vec<Handle> =
            self.main.handles().into_iter().filter(|handle| handle.kind == kind).collect();
        let handle = *dice.pick(&handles)?;
        let length = self.main.get(&handle)?.len() as u64;
        let damage = match dice.below(4) {
            0 => Damage::Delete,
            1 => Damage::Truncate(dice.below(length)),
            _ => Damage::FlipBit(dice.next()),
        };
        self.main.damage(&handle, damage);
        Some((handle, damage))
    }

    /// Finds out under which ids the snapshots are there that are owed.
    pub(crate) fn look_up_ids(&mut self) -> Result<(), String> {
        let text = |error: backstay_engine::Error| error.to_string();
        let repository = self.process.open(Arc::new(Narrow(self.main.clone()))).map_err(text)?;
        let (snapshots, _) = repository.load_snapshots().map_err(text)?;
        self.ids = snapshots.iter().map(|entry| (origin(entry), entry.id)).collect();
        self.promises.retain(|origin, _| self.ids.contains_key(origin));
        Ok(())
    }

    /// Some of the snapshots, but never all.
    pub(crate) fn some_snapshots(&self, dice: &mut Dice) -> BTreeSet<FileId> {
        let most = self.ids.len().saturating_sub(1);
        self.ids.values().copied().filter(|_| dice.percent(50)).take(most).collect()
    }

    /// Any snapshot.
    pub(crate) fn a_snapshot(&self, dice: &mut Dice) -> Option<FileId> {
        dice.pick(&self.ids.values().copied().collect::<Vec<_>>()).copied()
    }
}
