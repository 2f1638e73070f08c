//! The folders whose metadata is set at the end.

use backstay_core::Meta;

/// Folders in the order in which they were met. Of a path only that is kept in which it differs from the next one, so that
/// folders nested without end take no more memory than as many side by side.
#[derive(Default)]
pub(super) struct Folders {
    before: Vec<Shortened>,
    last: Option<(Vec<u8>, Meta)>,
}

/// A folder before another one.
struct Shortened {
    /// How many bytes its path shares with the one behind it.
    shared: usize,
    rest: Box<[u8]>,
    meta: Meta,
}

impl Folders {
    pub(super) fn push(&mut self, path: &[u8], meta: Meta) {
        if let Some((last, meta)) = self.last.replace((path.to_vec(), meta)) {
            let shared = last.iter().zip(path).take_while(|(a, b)| a == b).count();
            let rest = last.get(shared..).unwrap_or_default().into();
            self.before.push(Shortened { shared, rest, meta });
        }
    }

    /// Calls `each` with the folders, the last one first: what is in a folder was met after it.
    pub(super) fn for_each_reversed(self, mut each: impl FnMut(&[u8], &Meta)) {
        let Some((mut path, meta)) = self.last else { return };
        each(&path, &meta);
        for Shortened { shared, rest, meta } in self.before.into_iter().rev() {
            path.truncate(shared);
            path.extend_from_slice(&rest);
            each(&path, &meta);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_back_in_reverse_however_deep() {
        let paths = ["a", "b", "b/c", "b/cd", "b/cd/e", "f", "", "b/c/d"];
        let mut folders = Folders::default();
        for (number, path) in paths.iter().enumerate() {
            folders.push(path.as_bytes(), Meta { inode: number as u64, ..Meta::default() });
        }
        let mut found = Vec::new();
        folders.for_each_reversed(|path, meta| {
            found.push((String::from_utf8_lossy(path).into_owned(), meta.inode))
        });
        found.reverse();
        assert!(found.iter().map(|(path, _)| path.as_str()).eq(paths));
        assert!(found.iter().map(|(_, number)| *number).eq(0..paths.len() as u64));

        let mut nested = Folders::default();
        let mut path = Vec::new();
        for _ in 0..1000 {
            path.extend_from_slice(b"/folder");
            nested.push(&path, Meta::default());
        }
        assert_eq!(nested.before.iter().map(|folder| folder.rest.len()).sum::<usize>(), 0);
        Folders::default().for_each_reversed(|_, _| panic!("there is none"));
    }
}
