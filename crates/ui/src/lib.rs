//! The dashboard: the files that browsers load, built from `ui/` and carried along in the program.
//!
//! A build without Node.js has none of them.

#![forbid(unsafe_code)]

/// A file for browsers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Where it is, as `index.html` or `ui/index-Cw2x.js`.
    pub path: &'static str,
    /// Its content.
    pub plain: &'static [u8],
    /// Its content, compressed (RFC 1952).
    pub gzip: &'static [u8],
}

/// All files, by path; none when the program was built without Node.js.
pub const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// SHA-256 of what they were built from, in hexadecimal digits; empty when there are none.
pub const FINGERPRINT: &str = include!(concat!(env!("OUT_DIR"), "/fingerprint.rs"));

/// The page that loads all others.
#[must_use]
pub fn index() -> Option<&'static File> {
    file("index.html")
}

/// The file of a path.
#[must_use]
pub fn file(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("File").field(&self.path).finish()
    }
}

impl File {
    /// Its media type.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.path.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("woff2") => "font/woff2",
            _ => "application/octet-stream",
        }
    }

    /// Whether its name changes with its content, so that browsers may keep it for good.
    #[must_use]
    pub fn is_hashed(&self) -> bool {
        self.path.starts_with("ui/")
    }
}
