//! A folder with everything that file systems allow and programs forget.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};

use super::noise;

/// Names that are hard to quote.
const NAMES: [&[u8]; 14] = [
    b"plain",
    b"with space ",
    b"\xff\xfenot UTF-8\x80",
    b"new\nline\r\ttab",
    b"\"quotes\" and 'quotes'",
    b"back\\slash\\n",
    b"<&>",
    "line\u{2028}and\u{2029}paragraph".as_bytes(),
    "\u{1f980}\u{200d}\u{a0}\u{feff}\u{e0001}".as_bytes(),
    b"\x01\x07\x08\x0b\x0c\x1b\x7f",
    b"...",
    b"-rf",
    b"%2F%",
    "gr\u{fc}n \u{65e5}\u{672c}\u{fffd}".as_bytes(),
];

/// Names that every restic reads back as they are.
pub(crate) fn odd_names(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for name in NAMES {
        write(&folder.join(OsStr::from_bytes(name)), name);
    }
    write(&folder.join("x".repeat(255)), b"a long name");
    let inner = folder.join(OsStr::from_bytes(b"folder \xf0\n"));
    fs::create_dir(&inner).unwrap();
    write(&inner.join("in it"), b"in it");
    symlink("plain", folder.join("link")).unwrap();
    symlink("nowhere <&> \u{2028} \"", folder.join("dangling")).unwrap();
}

/// Everything else but names.
pub(crate) fn odd_things(folder: &Path) {
    fs::create_dir_all(folder.join("empty folder")).unwrap();
    write(&folder.join("empty"), b"");
    for mode in [0o4755, 0o2755, 0o1644, 0o000, 0o7777] {
        let path = folder.join(format!("mode {mode:o}"));
        write(&path, b"mode");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let sticky = folder.join("sticky");
    fs::create_dir(&sticky).unwrap();
    fs::set_permissions(&sticky, fs::Permissions::from_mode(0o1777)).unwrap();
    fs::hard_link(folder.join("empty"), folder.join("empty too")).unwrap();
    write(&folder.join("first name"), &noise(7, 5000));
    fs::hard_link(folder.join("first name"), folder.join("second name")).unwrap();
    fs::hard_link(folder.join("first name"), sticky.join("third name")).unwrap();
    rustix::fs::mknodat(CWD, folder.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o620), 0).unwrap();
    write(&folder.join("big"), &noise(8, 9 << 20));
    let mut sparse = File::create(folder.join("sparse")).unwrap();
    sparse.write_all(b"begin").unwrap();
    sparse.seek(SeekFrom::Start((20 << 20) - 3)).unwrap();
    sparse.write_all(b"end").unwrap();
    let attributed = folder.join("attributed");
    write(&attributed, b"x");
    for (name, value) in [("user.plain", &b"text"[..]), ("user.b\"<\u{e9}", b"\0\xff\n"), ("user.empty", b"")]
    {
        rustix::fs::setxattr(&attributed, name, value, XattrFlags::empty()).unwrap();
    }
    rustix::fs::setxattr(&sticky, "user.of a folder", b"1", XattrFlags::empty()).unwrap();
    if rustix::process::geteuid().is_root() {
        write(&folder.join("owned"), b"x");
        std::os::unix::fs::chown(folder.join("owned"), Some(12_345), Some(54_321)).unwrap();
    }
    for (name, seconds, nanos) in [
        ("before 1970", -300_000_000, 123_456_789),
        ("the epoch", 0, 0),
        ("half a second before", -1, 500_000_000),
        ("the far future", 9_000_000_000, 1),
    ] {
        let path = folder.join(name);
        write(&path, name.as_bytes());
        set_time(&path, seconds, nanos);
    }
    symlink("empty", folder.join("old link")).unwrap();
    set_time(&folder.join("old link"), 1_000_000_000, 42);
    set_time(&folder.join("empty folder"), 999_999_999, 999_999_999);
}

/// A time that no 64 bits of nanoseconds since 1970 hold. restic records it, but does not restore it.
pub(crate) fn far_future(folder: &Path) {
    let path = folder.join("beyond 2262");
    write(&path, b"late");
    set_time(&path, 13_000_000_000, 1);
}

/// Symbolic links that lead to names that are not UTF-8.
pub(crate) fn odd_links(folder: &Path) {
    symlink(OsStr::from_bytes(b"to \xff\xfe"), folder.join("raw link")).unwrap();
}

pub(crate) fn set_time(path: &Path, seconds: i64, nanos: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanos };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

#[track_caller]
fn write(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
}
