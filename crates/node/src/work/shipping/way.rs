//! The way back to a moment: a backup, and the pieces of the log after it.

use std::sync::Arc;

use backstay_core::{EntryKind, FileId};
use backstay_engine::format::Node;
use backstay_engine::index::Index;
use backstay_engine::repository::{SnapshotEntry, read_content};
use backstay_model::Time;
use backstay_policy::point_in_time::way_to;

use super::super::repository::Open;
use super::super::{Class, Job, Result, WorkError};
use super::Kept;

/// How a moment is gone back to.
pub(in crate::work) struct Way {
    moment: Time,
    /// The backup that it begins with.
    pub(in crate::work) base: SnapshotEntry,
    /// The trees of what follows on it.
    pub(in crate::work) trees: Vec<FileId>,
    /// The files of the log in them, in their order.
    pub(in crate::work) files: Vec<Node>,
}

impl Way {
    /// Reads all files of the log.
    pub(in crate::work) fn validate(&self, job: &Job<'_>, open: &Open, index: &Arc<Index>) -> Result<()> {
        for file in &self.files {
            job.control.checkpoint()?;
            let name = String::from_utf8_lossy(&file.name);
            read_content::<WorkError>(&open.engine, index, file.blobs(), &mut |_| Ok(())).map_err(
                |error| {
                    let text = format!(
                        "{name} of the log cannot be read, so that {:.0} cannot be gone back to",
                        self.moment
                    );
                    open.explain(error).context(text)
                },
            )?;
            job.report.moved();
        }
        Ok(())
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { moment, base, files, .. } = self;
        let time = backstay_engine::format::time::to_text(&base.snapshot.time);
        let short = base.id.short();
        write!(
            f,
            "going back to {moment:.0}: snapshot {short} of {time}, and {} files of the log after it",
            files.len()
        )
    }
}

/// How a moment is gone back to with what a repository has of the source of a snapshot.
pub(in crate::work) fn way_back(open: &Open, of: &SnapshotEntry, moment: Time) -> Result<Way> {
    let plan = of.snapshot.tags.iter().find_map(|tag| tag.strip_prefix("plan:")?.parse().ok());
    let (snapshots, _) = open.engine.load_snapshots().map_err(|error| open.explain(error))?;
    let kept = plan.map(|plan| Kept::of(snapshots, plan, &of.snapshot.paths)).unwrap_or_default();
    let chains = kept.chains();
    let found = way_to(&chains, moment.as_second());
    let Some((chain, (base, _))) = found.and_then(|chain| Some((chain, kept.bases.get(chain.base)?))) else {
        let error =
            WorkError::new(Class::NotFound, format!("{moment:.0} is no moment that can be gone back to"));
        let there: Vec<String> =
            kept.moments().iter().map(|it| format!("{:.0} and {:.0}", it.from, it.until)).collect();
        return Err(error.hint(if there.is_empty() {
            "the repository has no log of what was written after the backups: restore a snapshot, and switch on \"continuous\" in the plan"
                .to_owned()
        } else {
            format!("go back to any moment between {}", there.join(", or between "))
        }));
    };
    let reader = open.trees()?;
    let (mut trees, mut files) = (Vec::new(), Vec::new());
    for (entry, piece) in chain.pieces.iter().filter_map(|place| kept.pieces.get(*place)) {
        trees.push(entry.snapshot.tree);
        let tree = reader.tree(&entry.snapshot.tree).map_err(|error| open.explain(error))?;
        files.extend(tree.nodes.iter().filter(|node| node.meta.kind == EntryKind::File).cloned());
        // What begins after the moment is not needed.
        if piece.until >= moment.as_second() {
            break;
        }
    }
    Ok(Way { moment, base: base.clone(), trees, files })
}
