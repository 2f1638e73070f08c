//! `dump`: a file as it is, or a folder as an archive.

mod archive;
mod contents;

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};

use backstay_core::{EntryKind, FileId};
use backstay_engine::format::Node;

use crate::app::App;
use crate::args::{ArchiveFormat, Dump};
use crate::choose;
use crate::failure::{Explain, Failure, Outcome};
use crate::repository::{Access, Opened};
use crate::walk::{components, join, subfolder};

use contents::Contents;

pub(super) fn run(app: &App, args: &Dump) -> Outcome {
    let repository = Opened::open(app, Access::Read)?;
    let (entry, folder) = choose::one(&repository, &args.snapshot, &args.choice.filter())?;
    repository.load_index(app)?;
    let root = subfolder(&repository, &entry.snapshot.tree, &folder)?;
    let found = find(&repository, &root, &args.file)?;

    if matches!(found, Found::Folder { .. }) && args.target.is_none() && std::io::stdout().is_terminal() {
        return Err(Failure::fatal("cannot dump file: stdout is the terminal, please redirect output")
            .hint("or name a file with --target"));
    }
    match &args.target {
        Some(path) => {
            let failed = format!("cannot dump to file {}", path.display());
            let file = File::create(path).explain(&failed)?;
            let mut out = BufWriter::with_capacity(1 << 20, file);
            write(app, args, &repository, &found, &mut out)?;
            out.flush().explain(failed)
        }
        None => {
            let mut out = BufWriter::with_capacity(1 << 20, Output { closed: false });
            let outcome = write(app, args, &repository, &found, &mut out)
                .and_then(|()| out.flush().explain("cannot dump file"));
            // Whatever else it led to: nobody reads on.
            if out.get_ref().closed { Err(Failure::silent()) } else { outcome }
        }
    }
}

/// Standard output, which notices when its reader goes away.
struct Output {
    closed: bool,
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let outcome = std::io::stdout().write(bytes);
        self.closed |= matches!(&outcome, Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe);
        outcome
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let outcome = std::io::stdout().flush();
        self.closed |= matches!(&outcome, Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe);
        outcome
    }
}

/// What a path names.
enum Found {
    File(Box<Node>),
    Folder { tree: FileId, path: Vec<u8> },
}

fn find(repository: &Opened, root: &FileId, path: &str) -> Outcome<Found> {
    let mut tree = *root;
    let mut so_far = b"/".to_vec();
    let mut names = components(path).peekable();
    while let Some(name) = names.next() {
        so_far = join(&so_far, name);
        let shown = crate::format::quote(&so_far);
        let missing = || {
            Failure::fatal(format!("cannot dump file: path {shown:?} not found in snapshot"))
                .hint("`ls` lists what there is")
        };
        let nodes = repository.tree(&tree)?;
        let node = nodes.find(name).ok_or_else(missing)?;
        match (node.meta.kind, node.subtree, names.peek().is_some()) {
            (EntryKind::Folder, Some(subtree), _) => tree = subtree,
            (EntryKind::File, _, false) => return Ok(Found::File(Box::new(node.clone()))),
            (_, _, more) => {
                let wanted = if more { "dir" } else { "file" };
                return Err(Failure::fatal(format!(
                    "cannot dump file: {shown:?} should be a {wanted}, but is not"
                )));
            }
        }
    }
    Ok(Found::Folder { tree, path: so_far })
}

fn write(app: &App, args: &Dump, repository: &Opened, found: &Found, out: &mut dyn Write) -> Outcome {
    let contents = Contents::new(app, repository);
    match (found, args.archive) {
        (Found::File(node), _) => {
            contents.copy(node, out).map_err(|failure| failure.context("cannot dump file"))
        }
        (Found::Folder { tree, path }, ArchiveFormat::Tar) => {
            archive::tar(app, repository, &contents, tree, path, out)
        }
        (Found::Folder { tree, path }, ArchiveFormat::Zip) => {
            archive::zip(app, repository, &contents, tree, path, out)
        }
    }
}
