//! Folders as tar and zip archives, with the paths that restic gives them.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ::tar::{Builder, EntryType, Header};
use backstay_archive::zip::Zip;
use backstay_core::{EntryKind, FileId, Meta};
use backstay_engine::format::Node;

use super::contents::Contents;
use crate::app::App;
use crate::failure::{Explain, Failure, Outcome};
use crate::repository::Opened;
use crate::walk::{Next, PathVisitor, walk};

/// Visits everything below a folder with its path in the archive.
fn each(
    app: &App,
    repository: &Opened,
    root: &FileId,
    folder: &[u8],
    visit: &mut dyn FnMut(&[u8], &Node) -> Outcome,
) -> Outcome {
    struct Each<'a> {
        app: &'a App,
        folder: &'a [u8],
        visit: &'a mut dyn FnMut(&[u8], &Node) -> Outcome,
    }
    impl PathVisitor for Each<'_> {
        type Error = Failure;

        fn node(&mut self, path: &[u8], node: &Node, _parent: &FileId) -> Outcome<Next> {
            self.app.control.checkpoint()?;
            if !node.has_valid_name() {
                let path = crate::format::quote(path);
                return Err(Failure::fatal(format!("the snapshot has an invalid name: {path}"))
                    .hint("`restore` passes over such names"));
            }
            let mut inside = self.folder.strip_prefix(b"/").unwrap_or(self.folder).to_vec();
            inside.extend_from_slice(if inside.is_empty() {
                path.strip_prefix(b"/").unwrap_or(path)
            } else {
                path
            });
            (self.visit)(&inside, node)?;
            Ok(Next::Into)
        }
    }
    walk(repository, root, &mut Each { app, folder, visit })
}

pub(super) fn tar(
    app: &App,
    repository: &Opened,
    contents: &Contents<'_>,
    root: &FileId,
    folder: &[u8],
    out: &mut dyn Write,
) -> Outcome {
    let mut archive = Builder::new(out);
    each(app, repository, root, folder, &mut |path, node| {
        let failed = || format!("cannot dump {}", crate::format::quote(path));
        let mut header = tar_header(&node.meta);
        let attributes = tar_attributes(&node.meta);
        if !attributes.is_empty() {
            let records = attributes.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
            archive.append_pax_extensions(records).explain(failed())?;
        }
        let path = Path::new(OsStr::from_bytes(path));
        match (&node.meta.kind, &node.meta.link_target) {
            (EntryKind::Symlink, Some(target)) => {
                archive.append_link(&mut header, path, Path::new(OsStr::from_bytes(target))).explain(failed())
            }
            (EntryKind::File, _) => {
                // A header that says more or less than there is would garble all that follows.
                header.set_size(contents.length(node)?);
                archive.append_data(&mut header, path, contents.reader(node)).explain(failed())
            }
            _ => archive.append_data(&mut header, path, std::io::empty()).explain(failed()),
        }
    })?;
    app.control.checkpoint()?;
    archive.finish().explain("cannot finish the tar archive")
}

fn tar_header(meta: &Meta) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(match meta.kind {
        EntryKind::Folder => EntryType::Directory,
        EntryKind::Symlink => EntryType::Symlink,
        EntryKind::BlockDevice => EntryType::Block,
        EntryKind::CharDevice => EntryType::Char,
        EntryKind::Fifo => EntryType::Fifo,
        EntryKind::File | EntryKind::Socket | EntryKind::Irregular => EntryType::Regular,
    });
    header.set_mode(meta.permissions & 0o7777);
    header.set_uid(u64::from(meta.uid));
    header.set_gid(u64::from(meta.gid));
    header.set_mtime(u64::try_from(meta.modified.seconds).unwrap_or(0));
    header.set_size(if meta.kind == EntryKind::File { meta.size } else { 0 });
    // Names that are too long for the header are left out: the numbers stand for them.
    let _ = header.set_username(&meta.user);
    let _ = header.set_groupname(&meta.group);
    if matches!(meta.kind, EntryKind::BlockDevice | EntryKind::CharDevice) {
        let (major, minor) = (rustix::fs::major(meta.device), rustix::fs::minor(meta.device));
        let _ = header.set_device_major(major);
        let _ = header.set_device_minor(minor);
    }
    header
}

/// Extended attributes as records that GNU tar and others understand.
fn tar_attributes(meta: &Meta) -> Vec<(String, Vec<u8>)> {
    meta.xattrs.iter().map(|xattr| (format!("SCHILY.xattr.{}", xattr.name), xattr.value.clone())).collect()
}

pub(super) fn zip(
    app: &App,
    repository: &Opened,
    contents: &Contents<'_>,
    root: &FileId,
    folder: &[u8],
    out: &mut dyn Write,
) -> Outcome {
    let mut archive = Zip::new(out);
    each(app, repository, root, folder, &mut |path, node| {
        let failed = format!("cannot dump {}", crate::format::quote(path));
        match (&node.meta.kind, &node.meta.link_target) {
            (EntryKind::Folder, _) => archive.folder(path, &node.meta).explain(failed),
            (EntryKind::Symlink, Some(target)) => archive.symlink(path, target, &node.meta).explain(failed),
            (EntryKind::File, _) => {
                archive.file(path, &node.meta, |out| contents.copy(node, out)).explain(failed)?
            }
            // A zip archive has no devices and pipes.
            _ => {
                app.console.complain(format!("{failed}: a zip archive cannot hold it"));
                Ok(())
            }
        }
    })?;
    archive.finish().explain("cannot finish the zip archive")
}
