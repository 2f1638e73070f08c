//! Extended attributes of any item: read in the order the kernel lists them.
//!
//! Most kernels have no call that takes a folder and a name. So an item without a descriptor is named
//! from the working folder, which is the cheapest, or by its whole path, or by way of the folder's
//! descriptor where the path is longer than the kernel takes.

use std::ffi::CStr;
use std::io::Write as _;
use std::os::fd::{AsRawFd, BorrowedFd};

use backstay_core::Xattr;
use rustix::fs;
use rustix::io::Errno;

/// The longest path that a call takes, with its closing NUL.
const PATH_MAX: usize = 4096;

/// How an item is named to the kernel.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item<'a> {
    /// By an open descriptor.
    Open(BorrowedFd<'a>),
    /// By its path; a symbolic link is not followed.
    Path(&'a CStr),
}

impl Item<'_> {
    fn list(&self, names: &mut Vec<u8>) -> Result<(), Errno> {
        fill(names, |buffer| match self {
            Item::Open(fd) => fs::flistxattr(fd, buffer),
            Item::Path(path) => fs::llistxattr(*path, buffer),
        })
    }

    fn get(&self, name: &[u8], value: &mut Vec<u8>) -> Result<(), Errno> {
        fill(value, |buffer| match self {
            Item::Open(fd) => fs::fgetxattr(fd, name, buffer),
            Item::Path(path) => fs::lgetxattr(*path, name, buffer),
        })
    }

    fn set(&self, name: &str, value: &[u8]) -> Result<(), Errno> {
        match self {
            Item::Open(fd) => fs::fsetxattr(fd, name, value, fs::XattrFlags::empty()),
            Item::Path(path) => fs::lsetxattr(*path, name, value, fs::XattrFlags::empty()),
        }
    }

    fn remove(&self, name: &[u8]) -> Result<(), Errno> {
        match self {
            Item::Open(fd) => fs::fremovexattr(fd, name),
            Item::Path(path) => fs::lremovexattr(*path, name),
        }
    }
}

/// What was read, and which attributes had no readable value.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) attributes: Vec<Xattr>,
    pub(super) unreadable: Vec<(String, Errno)>,
}

/// Reads all attributes. File systems without any have none.
pub(super) fn read(item: Item<'_>, names: &mut Vec<u8>) -> Result<Read, Errno> {
    let mut found = Read::default();
    if let Err(error) = item.list(names) {
        return if is_absent(error) { Ok(found) } else { Err(error) };
    }
    for name in each(names) {
        let mut value = Vec::new();
        let text = String::from_utf8_lossy(name).into_owned();
        match item.get(name, &mut value) {
            Ok(()) => found.attributes.push(Xattr { name: text, value }),
            Err(error) if is_absent(error) => {
                found.attributes.push(Xattr { name: text, value: Vec::new() });
            }
            Err(error) => found.unreadable.push((text, error)),
        }
    }
    Ok(found)
}

/// Makes an item's attributes the wanted ones: sets them, and removes others that `select` picks.
/// Goes on after a failure and gives the first.
pub(super) fn write(item: Item<'_>, wanted: &[Xattr], select: &dyn Fn(&str) -> bool) -> Result<(), Errno> {
    let mut outcome = Ok(());
    let mut note = |result: Result<(), Errno>| match result {
        Err(error) if !is_absent(error) && outcome.is_ok() => outcome = Err(error),
        _ => {}
    };
    for attribute in wanted.iter().filter(|attribute| select(&attribute.name)) {
        note(item.set(&attribute.name, &attribute.value));
    }
    let mut names = Vec::new();
    let listed = item.list(&mut names);
    for name in each(&names) {
        let text = String::from_utf8_lossy(name);
        if select(&text) && !wanted.iter().any(|attribute| attribute.name == text) {
            note(item.remove(name));
        }
    }
    note(listed);
    outcome
}

/// Builds the path, with its NUL, of an item in a folder.
pub(super) fn path_of<'a>(
    folder: &[u8],
    descriptor: BorrowedFd<'_>,
    name: &[u8],
    path: &'a mut Vec<u8>,
) -> Option<&'a CStr> {
    if folder.len() + name.len() + 2 >= PATH_MAX {
        return path_through(descriptor, name, path);
    }
    path.clear();
    path.extend_from_slice(folder);
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    end_with(name, path)
}

/// Builds the path, with its NUL, of an item in the working folder.
pub(super) fn path_here<'a>(name: &[u8], path: &'a mut Vec<u8>) -> Option<&'a CStr> {
    path.clear();
    end_with(name, path)
}

/// Builds a path that leads through an open folder, so that it names nothing outside of it.
pub(super) fn path_through<'a>(
    folder: BorrowedFd<'_>,
    name: &[u8],
    path: &'a mut Vec<u8>,
) -> Option<&'a CStr> {
    path.clear();
    write!(path, "/proc/self/fd/{}/", folder.as_raw_fd()).ok()?;
    end_with(name, path)
}

fn end_with<'a>(name: &[u8], path: &'a mut Vec<u8>) -> Option<&'a CStr> {
    path.extend_from_slice(name);
    path.push(0);
    CStr::from_bytes_with_nul(path).ok()
}

/// SMB shares say "no data" where others say "not supported".
fn is_absent(error: Errno) -> bool {
    error == Errno::NOTSUP || error == Errno::OPNOTSUPP || error == Errno::NODATA
}

fn each(names: &[u8]) -> impl Iterator<Item = &[u8]> {
    names.split(|&byte| byte == 0).filter(|name| !name.is_empty())
}

/// Calls with growing room until the answer fits.
fn fill(buffer: &mut Vec<u8>, call: impl Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<(), Errno> {
    let mut room = buffer.capacity().max(256);
    loop {
        buffer.clear();
        buffer.resize(room, 0);
        match call(buffer) {
            Ok(length) => {
                buffer.truncate(length);
                return Ok(());
            }
            // The kernel's own bound on lists and values is 64 KiB.
            Err(Errno::RANGE) if room < 1 << 20 => room *= 4,
            Err(error) => {
                buffer.clear();
                return Err(error);
            }
        }
    }
}
