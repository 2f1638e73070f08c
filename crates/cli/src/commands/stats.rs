//! `stats`: how much there is.

use std::collections::{HashMap, HashSet};

use backstay_core::{EntryKind, FileId};
use backstay_engine::crypto::{Hasher, OVERHEAD};
use backstay_engine::format::{BlobKind, Node};

use crate::app::App;
use crate::args::{Stats, StatsMode};
use crate::failure::{Failure, Outcome};
use crate::json::diff;
use crate::repository::{Access, Opened};
use crate::walk::{Next, PathVisitor, walk};
use crate::{choose, format};

pub(super) fn run(app: &App, args: &Stats) -> Outcome {
    let repository = Opened::open(app, Access::Read)?;
    // Before the index: what a snapshot needs is in an index that was written before it.
    let snapshots = choose::several(app, &repository, &args.snapshots, &args.choice.filter())?;
    repository.load_index(app)?;
    if !app.console.is_json() {
        app.console.print("scanning...");
    }
    let mut count = Count {
        app,
        repository: &repository,
        mode: args.mode,
        stats: diff::Stats::default(),
        links: HashSet::new(),
        contents: HashSet::new(),
        file_blobs: HashMap::new(),
        blobs: HashSet::new(),
    };
    for entry in snapshots {
        count.stats.snapshots_count += 1;
        count.links.clear();
        count.blobs.insert((BlobKind::Tree, entry.snapshot.tree));
        walk(&repository, &entry.snapshot.tree, &mut count)?;
    }
    if args.mode == StatsMode::RawData {
        count.raw_data()?;
    }
    let stats = count.stats;
    if app.console.is_json() {
        app.console.message(&stats);
        return Ok(());
    }
    let rows = [
        Some(format!("Stats in {} mode:", args.mode.name())),
        Some(format!("     Snapshots processed:  {}", stats.snapshots_count)),
        positive(stats.total_blob_count).map(|n| format!("        Total Blob Count:  {n}")),
        positive(stats.total_file_count).map(|n| format!("        Total File Count:  {n}")),
        positive(stats.total_uncompressed_size)
            .map(|n| format!(" Total Uncompressed Size:  {}", format::bytes(n))),
        Some(format!("              Total Size:  {}", format::bytes(stats.total_size))),
        share(stats.compression_progress).map(|x| format!("    Compression Progress:  {x:.2}%")),
        share(stats.compression_ratio).map(|x| format!("       Compression Ratio:  {x:.2}x")),
        share(stats.compression_space_saving).map(|x| format!("Compression Space Saving:  {x:.2}%")),
    ];
    rows.into_iter().flatten().for_each(|row| app.console.print(row));
    Ok(())
}

fn positive(number: u64) -> Option<u64> {
    Some(number).filter(|number| *number > 0)
}

fn share(number: f64) -> Option<f64> {
    Some(number).filter(|number| *number > 0.0)
}

struct Count<'a> {
    app: &'a App,
    repository: &'a Opened,
    mode: StatsMode,
    stats: diff::Stats,
    /// Files with several names that were counted, by device and inode, in this snapshot.
    links: HashSet<(u64, u64)>,
    /// Hashes of content lists that were counted.
    contents: HashSet<FileId>,
    file_blobs: HashMap<Vec<u8>, HashSet<FileId>>,
    blobs: HashSet<(BlobKind, FileId)>,
}

impl Count<'_> {
    /// Counts a file once for each content.
    fn file_by_content(&mut self, path: &[u8], node: &Node) -> Outcome {
        let mut hasher = Hasher::default();
        node.blobs().iter().for_each(|id| hasher.update(&id.0));
        if !self.contents.insert(hasher.finish()) {
            return Ok(());
        }
        if self.mode == StatsMode::FilesByContents {
            self.stats.total_size += node.meta.size;
            self.stats.total_file_count += 1;
            return Ok(());
        }
        if node.blobs().is_empty() {
            return Ok(());
        }
        let index = self.repository.trees()?.index();
        let seen = self.file_blobs.entry(path.to_vec()).or_insert_with(|| {
            self.stats.total_file_count += 1;
            HashSet::new()
        });
        for id in node.blobs() {
            if seen.insert(*id) {
                let length = index.content_length(BlobKind::Data, id);
                self.stats.total_size += u64::from(length.ok_or_else(|| not_in_index(id))?);
                self.stats.total_blob_count += 1;
            }
        }
        Ok(())
    }

    fn file_to_restore(&mut self, node: &Node) {
        self.stats.total_file_count += 1;
        let meta = &node.meta;
        let counts = meta.links <= 1
            || meta.kind == EntryKind::Folder
            || meta.inode == 0
            || self.links.insert((meta.device_id, meta.inode));
        if counts {
            self.stats.total_size += meta.size;
        }
    }

    /// Sums up what the blobs take in the repository.
    fn raw_data(&mut self) -> Outcome {
        let index = self.repository.trees()?.index();
        let version = self.repository.engine().config().version;
        let (mut packed, mut unpacked) = (0, 0);
        for (kind, id) in &self.blobs {
            let blob = index.find(*kind, id).ok_or_else(|| not_in_index(id))?.blob;
            let stats = &mut self.stats;
            stats.total_blob_count += 1;
            stats.total_size += u64::from(blob.length);
            if version >= 2 {
                let raw = u64::from(blob.content_length()) + OVERHEAD as u64;
                stats.total_uncompressed_size += raw;
                if blob.raw_length != 0 {
                    packed += u64::from(blob.length);
                    unpacked += raw;
                }
            }
        }
        let stats = &mut self.stats;
        if packed > 0 {
            stats.compression_ratio = unpacked as f64 / packed as f64;
        }
        if stats.total_uncompressed_size > 0 {
            let whole = stats.total_uncompressed_size as f64;
            stats.compression_progress = unpacked as f64 / whole * 100.0;
            stats.compression_space_saving = (1.0 - stats.total_size as f64 / whole) * 100.0;
        }
        Ok(())
    }
}

fn not_in_index(id: &FileId) -> Failure {
    Failure::fatal(format!("blob {id} not found"))
        .hint("`check` tells more, `repair index` may bring it back")
}

impl PathVisitor for Count<'_> {
    type Error = Failure;

    fn node(&mut self, path: &[u8], node: &Node, _parent: &FileId) -> Outcome<Next> {
        self.app.control.checkpoint()?;
        match self.mode {
            StatsMode::RestoreSize => self.file_to_restore(node),
            StatsMode::FilesByContents | StatsMode::BlobsPerFile => self.file_by_content(path, node)?,
            StatsMode::RawData => {
                self.blobs.extend(node.blobs().iter().map(|id| (BlobKind::Data, *id)));
                // A tree that was met before holds nothing new.
                if let Some(subtree) = node.subtree
                    && !self.blobs.insert((BlobKind::Tree, subtree))
                {
                    return Ok(Next::Over);
                }
            }
        }
        Ok(Next::Into)
    }
}
