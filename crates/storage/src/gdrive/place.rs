//! A folder of Google Drive that is ours, and the folders in it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use backstay_core::{CallContext, ErrorKind, StorageError};
use backstay_net::google::drive::Drive;
use backstay_net::google::{Account, Call, FOLDER, File, quoted};
use parking_lot::Mutex;

use crate::{Http, failure};

/// How the folders are noted that lead to what is ours. Only the application that noted it sees it.
const OURS: (&str, &str) = ("backstay", "folder");
/// Folders that one question asks after: more would make it too long.
const FOLDERS_AT_ONCE: usize = 40;
/// How long somebody waits for a folder that another thread makes, without a look whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A path that cannot be one.
#[derive(Debug, thiserror::Error)]
#[error(
    "the folder of Google Drive is not plain: name folders with `/` between them, without `.`, `..` or control characters"
)]
struct Path;

/// A folder of Google Drive that is ours.
pub(crate) struct Place {
    pub(crate) drive: Drive,
    /// The names of the folders that lead there.
    path: Vec<String>,
    /// The ids of the folders below it, those that were made first at first; of the place itself by the empty path.
    folders: Mutex<HashMap<String, Vec<String>>>,
    /// Folders that are being made.
    making: Mutex<HashMap<String, Arc<Mutex<()>>>>,
}

impl Place {
    /// The folder at a path. Nothing is asked of Google yet.
    pub(crate) fn new(path: &str, account: Arc<Account>, http: &Http) -> Result<Self, StorageError> {
        let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let is_plain = |part: &String| {
            !matches!(part.as_str(), "." | "..") && part.len() <= 255 && !part.chars().any(char::is_control)
        };
        if parts.is_empty() || !parts.iter().all(is_plain) {
            return Err(StorageError::new(ErrorKind::Config, "open", "Google Drive", Path));
        }
        let drive = Drive::new(account, http)?;
        Ok(Self { drive, path: parts, folders: Mutex::default(), making: Mutex::default() })
    }

    /// The address for people.
    pub(crate) fn location(&self) -> String {
        format!("gdrive:{}", self.path.join("/"))
    }

    /// Forgets which folders there are: somebody may have removed one.
    pub(crate) fn forget(&self) {
        self.folders.lock().clear();
    }

    /// The folders at a path below the place, none if there are none.
    pub(crate) fn folders(&self, call: Call<'_>, path: &str) -> Result<Vec<String>, StorageError> {
        failure::check(call.context, call.action, call.what)?;
        if let Some(known) = self.folders.lock().get(path) {
            return Ok(known.clone());
        }
        let found = if path.is_empty() {
            let mut parents = vec!["root".to_owned()];
            for name in &self.path {
                parents = self.look(call, &parents, name, true)?;
            }
            parents
        } else {
            let (parent, name) = split(path);
            let parents = self.folders(call, parent)?;
            self.look(call, &parents, name, false)?
        };
        self.know(path, &found);
        Ok(found)
    }

    fn know(&self, path: &str, found: &[String]) {
        // What is not there now may be in a moment.
        if !found.is_empty() {
            self.folders.lock().insert(path.to_owned(), found.to_vec());
        }
    }

    /// The folder at a path below the place that is written to; it is made if there is none.
    pub(crate) fn folder(&self, call: Call<'_>, path: &str) -> Result<String, StorageError> {
        if let Some(first) = self.folders(call, path)?.into_iter().next() {
            return Ok(first);
        }
        let turn = Arc::clone(self.making.lock().entry(path.to_owned()).or_default());
        let _mine = loop {
            failure::check(call.context, call.action, call.what)?;
            if let Some(mine) = turn.try_lock_for(LOOK_EVERY) {
                break mine;
            }
        };
        // Another thread may have made it meanwhile.
        if let Some(first) = self.folders(call, path)?.into_iter().next() {
            return Ok(first);
        }
        let found = if path.is_empty() {
            let mut parents = vec!["root".to_owned()];
            for name in &self.path {
                parents = self.make(call, &parents, name, true)?;
            }
            parents
        } else {
            let (parent, name) = split(path);
            let parent = self.folder(call, parent)?;
            self.make(call, &[parent], name, false)?
        };
        self.know(path, &found);
        found.into_iter().next().ok_or_else(|| call.strange("it makes no folder"))
    }

    fn look(
        &self,
        call: Call<'_>,
        parents: &[String],
        name: &str,
        ours: bool,
    ) -> Result<Vec<String>, StorageError> {
        let (key, value) = OURS;
        let mut question = format!("name = {} and mimeType = '{FOLDER}'", quoted(name));
        if ours {
            question.push_str(&format!(" and appProperties has {{ key='{key}' and value='{value}' }}"));
        }
        let found = self.children(call, parents, &question)?;
        Ok(found.into_iter().map(|folder| folder.id).collect())
    }

    /// The folders of a name; one is made if there are none. One that is made by somebody else at the same time is among them.
    fn make(
        &self,
        call: Call<'_>,
        parents: &[String],
        name: &str,
        ours: bool,
    ) -> Result<Vec<String>, StorageError> {
        let there = self.look(call, parents, name, ours)?;
        let Some(parent) = parents.first().filter(|_| there.is_empty()) else { return Ok(there) };
        let made = self.drive.make_folder(call, parent, name, ours.then_some(OURS))?;
        let mut there = self.look(call, parents, name, ours)?;
        if !there.contains(&made.id) {
            // A listing may be a little behind.
            there.push(made.id);
        }
        Ok(there)
    }

    /// The files and folders in some folders that a question finds, those that were made first at first.
    pub(crate) fn children(
        &self,
        call: Call<'_>,
        parents: &[String],
        question: &str,
    ) -> Result<Vec<File>, StorageError> {
        let mut found = Vec::new();
        self.each_child(call, parents, question, &mut |file| {
            found.push(file);
            Ok(())
        })?;
        found.sort_by(|one, other| one.age().cmp(&other.age()));
        Ok(found)
    }

    /// Calls `each` with them, by and by.
    pub(crate) fn each_child(
        &self,
        call: Call<'_>,
        parents: &[String],
        question: &str,
        each: &mut dyn FnMut(File) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        failure::check(call.context, call.action, call.what)?;
        for parents in parents.chunks(FOLDERS_AT_ONCE) {
            let within: Vec<String> = parents.iter().map(|id| format!("{} in parents", quoted(id))).collect();
            let mut text = format!("({})", within.join(" or "));
            if !question.is_empty() {
                text = format!("{text} and {question}");
            }
            self.drive.find(call, &text, each)?;
        }
        Ok(())
    }

    /// The files of a name in a folder of the place, the one that counts first.
    pub(crate) fn files(&self, call: Call<'_>, folder: &str, name: &str) -> Result<Vec<File>, StorageError> {
        let parents = self.folders(call, folder)?;
        let question = format!("name = {} and mimeType != '{FOLDER}'", quoted(name));
        let found = self.children(call, &parents, &question);
        match found {
            Err(error) if error.kind == ErrorKind::NotFound => {
                // A folder is gone.
                self.forget();
                let parents = self.folders(call, folder)?;
                self.children(call, &parents, &question)
            }
            found => found,
        }
    }

    /// Remembers which folders there are in one.
    pub(crate) fn learn(&self, folders: HashMap<String, Vec<String>>) {
        self.folders.lock().extend(folders);
    }

    /// Removes copies of a file that was there before them. Those of other content are left for people to look at.
    pub(crate) fn tidy(&self, call: Call<'_>, first: &File, others: &[File]) {
        for other in others {
            let same = first.sha256().is_some() && first.sha256() == other.sha256();
            if same && first.size() == other.size() {
                // What stays is in nobody's way.
                let _ = self.drive.remove(call, &other.id);
            }
        }
    }

    /// Whether the place can be used: makes it if it is not there.
    pub(crate) fn prepare(&self, context: CallContext<'_>) -> Result<(), StorageError> {
        let location = self.location();
        let call = Call::new(context, "prepare", &location);
        failure::check(context, call.action, call.what)?;
        self.forget();
        self.folder(call, "").map(drop)
    }
}

/// A path's folder and its last name.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}
