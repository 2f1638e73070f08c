//! Leaving a server as it was: after a restore that failed, and before one that was killed is tried again.
//!
//! What was done is seen in what the server lists, since an answer that was lost does not say whether the server did what it was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use backstay_core::{Control, Events};

use super::super::error::{MongoError, Result, Trouble};
use super::super::{Collection, Connection, Kind, names};
use super::plan::{Target, Targets};
use super::steps::{drop_collection, make_view, rename};

/// A database's collections, by their names.
type Listed = BTreeMap<String, Collection>;

impl Targets {
    /// Removes what was restored and gives what was put aside its name again. A server that is away is waited for.
    pub(super) fn undo(&mut self, connection: &Connection, patience: Duration, events: &dyn Events) {
        let end = Instant::now() + patience;
        let mut is_away = None;
        for target in self.iter_mut().filter(|target| target.is_touched()) {
            // Each question to a server that is away takes its time: one that was waited for long enough is asked nothing more.
            if let Some(error) = &is_away {
                events.warning(&target.what_is_left(error));
                continue;
            }
            let mut pause = Duration::from_millis(100);
            while let Err(error) = target.undo(connection) {
                if error.trouble != Trouble::NoAnswer || Instant::now() + pause >= end {
                    events.warning(&target.what_is_left(&error));
                    is_away = Some(error).filter(|error| error.trouble == Trouble::NoAnswer);
                    break;
                }
                std::thread::sleep(pause);
                pause = Duration::from_secs(5).min(pause * 2);
            }
        }
        if is_away.is_none() {
            // What cannot be removed was told already.
            let _ = self.sweep(connection);
        }
    }

    /// Removes what the server took in only now of what this restore, or an earlier try of it, had sent.
    pub(super) fn sweep(&self, connection: &Connection) -> Result<()> {
        for database in self.databases() {
            let listed = list(connection, &database, &Control::new())?;
            for name in listed.keys().filter(|name| names::is_temporary_of(name, &self.tag)) {
                drop_collection(connection, &database, name)?;
            }
        }
        Ok(())
    }

    fn databases(&self) -> BTreeSet<String> {
        self.iter().map(|target| target.database.clone()).collect()
    }

    /// Removes what an earlier try of the same restore left when it was killed.
    pub(super) fn clear_earlier(
        &mut self,
        connection: &Connection,
        control: &Control,
        events: &dyn Events,
    ) -> Result<()> {
        for database in self.databases() {
            control.checkpoint()?;
            let listed = list(connection, &database, control)?;
            for name in listed.keys().filter(|name| names::is_temporary_of(name, &self.tag)) {
                events.warning(&format!(
                    "removing {database}.{name}, which an earlier try of this restore left"
                ));
                drop_collection(connection, &database, name)?;
            }
            for target in self.iter().filter(|target| target.database == database) {
                let is_its = |name: &&String| names::is_aside_of(name, &target.name, &self.tag, target.index);
                let Some(aside) = listed.keys().find(is_its) else { continue };
                if listed.contains_key(&target.name) {
                    events.warning(&format!(
                        "{database}.{aside} is what {} was before an earlier try of this restore; it is kept",
                        target.name
                    ));
                } else {
                    events.warning(&format!(
                        "giving {database}.{aside} its name {} again, which an earlier try of this restore took",
                        target.name
                    ));
                    give_back(connection, &listed, &database, aside, &target.name)?;
                }
            }
        }
        Ok(())
    }
}

impl Target {
    /// Whether the server was asked for anything that has to be undone.
    const fn is_touched(&self) -> bool {
        self.is_made || self.is_placed || self.in_the_way.is_some()
    }

    fn undo(&mut self, connection: &Connection) -> Result<()> {
        let listed = list(connection, &self.database, &Control::new())?;
        let has_final_name = self.temporary == self.name;
        let is_renamed = has_final_name || !listed.contains_key(&self.temporary);
        if !has_final_name && listed.contains_key(&self.temporary) {
            drop_collection(connection, &self.database, &self.temporary)?;
        }
        let is_aside = self.in_the_way.is_some() && listed.contains_key(&self.aside);
        let is_ours = self.is_made && is_renamed && (self.is_placed || has_final_name);
        if is_ours && (is_aside || self.in_the_way.is_none()) && listed.contains_key(&self.name) {
            drop_collection(connection, &self.database, &self.name)?;
        }
        if is_aside {
            give_back(connection, &listed, &self.database, &self.aside, &self.name)?;
        }
        (self.is_made, self.is_placed) = (false, false);
        Ok(())
    }

    /// What a person has to know when it could not be undone.
    fn what_is_left(&self, error: &MongoError) -> String {
        let mut text = format!("{error}. {}.{} may be left", self.database, self.temporary);
        if self.in_the_way.is_some() {
            text.push_str(&format!(", and what {} was may be {} now", self.name, self.aside));
        }
        text
    }
}

/// Gives what was put aside its name again.
fn give_back(
    connection: &Connection,
    listed: &Listed,
    database: &str,
    aside: &str,
    name: &str,
) -> Result<()> {
    match listed.get(aside) {
        Some(view) if view.kind == Kind::View => {
            // It is put aside by making it twice: the first may be there still.
            drop_collection(connection, database, name)?;
            make_view(connection, view, name)?;
            drop_collection(connection, database, aside)
        }
        _ => rename(connection, database, aside, name),
    }
}

fn list(connection: &Connection, database: &str, control: &Control) -> Result<Listed> {
    let all = connection.collections(database, control)?;
    Ok(all.into_iter().map(|collection| (collection.name.clone(), collection)).collect())
}
