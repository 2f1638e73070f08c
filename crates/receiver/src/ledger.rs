//! Who has stored how much, and who was promised room: quotas, and a disk that is never filled to the brim.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::problem::Problem;

/// The books. It is cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Books>>);

#[derive(Debug, Default)]
struct Books {
    accounts: HashMap<String, Account>,
    /// Bytes that were promised to all and are not written yet.
    outstanding: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Account {
    /// None until it was counted.
    stored: Option<u64>,
    promised: u64,
}

/// Room that was promised. What is not used of it is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Promise {
    ledger: Ledger,
    folder: String,
    bytes: u64,
    written: u64,
}

impl Ledger {
    /// Whether it is known how much lies in a folder.
    pub(crate) fn knows(&self, folder: &str) -> bool {
        self.0.lock().accounts.get(folder).is_some_and(|account| account.stored.is_some())
    }

    /// Takes down how much lies in a folder.
    pub(crate) fn set(&self, folder: &str, stored: u64) {
        self.0.lock().accounts.entry(folder.to_owned()).or_default().stored = Some(stored);
    }

    /// Bytes that lie in a folder, and that are promised to it.
    pub(crate) fn used(&self, folder: &str) -> (u64, u64) {
        let account = self.0.lock().accounts.get(folder).copied().unwrap_or_default();
        (account.stored.unwrap_or(0), account.promised)
    }

    /// Bytes that were promised to all and are not written yet.
    pub(crate) fn outstanding(&self) -> u64 {
        self.0.lock().outstanding
    }

    /// Promises room, if the quota has it and the disk, less what others were promised and the reserve.
    pub(crate) fn promise(
        &self,
        folder: &str,
        bytes: u64,
        quota: Option<u64>,
        free: u64,
        reserve: u64,
    ) -> Result<Promise, Problem> {
        let mut books = self.0.lock();
        let outstanding = books.outstanding;
        let account = books.accounts.entry(folder.to_owned()).or_default();
        if let Some(quota) = quota {
            let used = account.stored.unwrap_or(0).saturating_add(account.promised);
            if used.saturating_add(bytes) > quota {
                let text = format!(
                    "{bytes} bytes do not fit: {used} of the quota of {quota} bytes are used or promised"
                );
                return Err(
                    Problem::no_space("quota", text).hint("remove old files, or ask for a larger quota")
                );
            }
        }
        let room = free.saturating_sub(reserve).saturating_sub(outstanding);
        if bytes > room {
            let text = format!("{bytes} bytes do not fit: the receiver's disk has room for {room} more");
            return Err(Problem::no_space("low_space", text).hint(
                "make room on the receiver's disk; it keeps a reserve, and what running uploads need",
            ));
        }
        account.promised = account.promised.saturating_add(bytes);
        books.outstanding = outstanding.saturating_add(bytes);
        Ok(Promise { ledger: self.clone(), folder: folder.to_owned(), bytes, written: 0 })
    }

    /// Takes over a promise that was made before a restart, whatever room there is.
    pub(crate) fn resume(&self, folder: &str, bytes: u64, written: u64) -> Promise {
        let mut books = self.0.lock();
        let account = books.accounts.entry(folder.to_owned()).or_default();
        account.promised = account.promised.saturating_add(bytes);
        let written = written.min(bytes);
        books.outstanding = books.outstanding.saturating_add(bytes - written);
        Promise { ledger: self.clone(), folder: folder.to_owned(), bytes, written }
    }

    /// Something was put into a folder.
    pub(crate) fn added(&self, folder: &str, bytes: u64) {
        if let Some(account) = self.0.lock().accounts.get_mut(folder) {
            account.stored = account.stored.map(|stored| stored.saturating_add(bytes));
        }
    }

    /// Something was removed from a folder.
    pub(crate) fn removed(&self, folder: &str, bytes: u64) {
        if let Some(account) = self.0.lock().accounts.get_mut(folder) {
            account.stored = account.stored.map(|stored| stored.saturating_sub(bytes));
        }
    }
}

impl Promise {
    /// So many bytes of it lie on the disk now.
    pub(crate) fn written(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        let mut books = self.ledger.0.lock();
        books.outstanding = (books.outstanding + self.written).saturating_sub(bytes);
        drop(books);
        self.written = bytes;
    }

    /// What was promised is stored.
    pub(crate) fn keep(self) {
        if let Some(account) = self.ledger.0.lock().accounts.get_mut(&self.folder) {
            account.stored = account.stored.map(|stored| stored.saturating_add(self.bytes));
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        let mut books = self.ledger.0.lock();
        books.outstanding = books.outstanding.saturating_sub(self.bytes - self.written);
        if let Some(account) = books.accounts.get_mut(&self.folder) {
            account.promised = account.promised.saturating_sub(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_promised_once_and_given_back() {
        let ledger = Ledger::default();
        ledger.set("a", 10);
        let promise = |bytes, quota, free| ledger.promise("a", bytes, quota, free, 100);
        assert_eq!(promise(91, Some(100), 1000).unwrap_err().kind(), "quota");
        let mut first = promise(90, Some(100), 1000).unwrap();
        assert_eq!(promise(1, Some(100), 1000).unwrap_err().kind(), "quota");
        // 90 are promised and 100 are the reserve.
        assert_eq!(promise(811, None, 1000).unwrap_err().kind(), "low_space");
        drop(promise(810, None, 1000).unwrap());
        // What is written is taken from what is free, and not twice.
        first.written(90);
        drop(promise(810, None, 910).unwrap());
        assert_eq!(promise(811, None, 910).unwrap_err().kind(), "low_space");
        assert_eq!(ledger.used("a"), (10, 90));
        first.keep();
        assert_eq!(ledger.used("a"), (100, 0));
        ledger.removed("a", 100);
        drop(ledger.resume("a", 50, 20));
        assert_eq!(ledger.used("a"), (0, 0));
        assert_eq!(ledger.0.lock().outstanding, 0);
    }
}
