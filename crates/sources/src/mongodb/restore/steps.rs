//! What is done to each target.

use std::collections::BTreeMap;

use backstay_core::Control;
use mongodb::bson::raw::RawDocumentBuf;
use mongodb::bson::{Bson, Document, doc};

use super::super::error::{MongoError, Result, Trouble, code_of};
use super::super::{Collection, Connection, Kind, nesting, users};
use super::plan::{Target, Targets};
use super::{Existing, RestoreReport, Work, alike};

impl Target {
    /// Whether it has documents of its own.
    pub(super) fn has_documents(&self) -> bool {
        self.source.kind != Kind::View
    }

    /// The collection that its documents are written to.
    pub(in super::super) fn written_as(&self) -> String {
        match self.source.kind {
            Kind::TimeSeries => format!("system.buckets.{}", self.temporary),
            Kind::Collection | Kind::View => self.temporary.clone(),
        }
    }

    pub(super) fn indexes_to_build(&self) -> Vec<Document> {
        let others = self.source.indexes.iter().filter(|index| {
            let is_clustered = matches!(index.get("clustered"), Some(Bson::Boolean(true)));
            !is_clustered && index.get_str("name").is_ok_and(|name| name != "_id_")
        });
        let mut indexes: Vec<Document> = others.cloned().collect();
        for index in &mut indexes {
            let _ = index.remove("ns");
        }
        indexes
    }

    pub(super) fn create(&mut self, connection: &Connection) -> Result<()> {
        let mut command = doc! { "create": &self.temporary };
        for (key, value) in &self.source.options {
            if alike::OPTIONS.contains(&key.as_str()) {
                let _ = command.insert(key, value.clone());
            }
        }
        let what = format!("making {}.{} for {}", self.database, self.temporary, self.source.full_name());
        let made = connection.command(what, &self.database, command).map(drop);
        // Where the answer was lost it may be there.
        self.is_made = made.as_ref().err().is_none_or(|error| error.trouble == Trouble::NoAnswer);
        made
    }

    /// The options that a collection lacks, or has otherwise.
    fn lacking(&self, there: &Collection) -> Vec<&str> {
        let wanted = self.source.options.iter().filter(|(key, _)| alike::OPTIONS.contains(&key.as_str()));
        let other =
            wanted.filter(|(key, wanted)| !alike::option(key, wanted, there.options.get(key.as_str())));
        other.map(|(key, _)| key.as_str()).collect()
    }

    /// Whether it was made as it was to be.
    pub(super) fn check_options(&self, connection: &Connection, control: &Control) -> Result<()> {
        if self.source.options.is_empty() {
            return Ok(());
        }
        let all = connection.collections(&self.database, control)?;
        let lacking = all.iter().find(|there| there.name == self.temporary).map(|there| self.lacking(there));
        match lacking.as_deref() {
            Some([]) => Ok(()),
            Some(lacking) => {
                let what = format!("{} cannot be made as it was", self.source.full_name());
                let cause =
                    format!("the server took the options {} and does not list them so", lacking.join(", "));
                Err(MongoError::new(Trouble::Differs, what, cause))
            }
            None => {
                let what = format!("{} cannot be made", self.source.full_name());
                Err(MongoError::new(Trouble::Differs, what, "the server does not list it afterwards"))
            }
        }
    }

    pub(super) fn build_indexes(&self, connection: &Connection, control: &Control) -> Result<()> {
        let indexes = self.indexes_to_build();
        if indexes.is_empty() {
            return Ok(());
        }
        let count = indexes.len();
        let what = format!("building {count} indexes of {}", self.source.full_name());
        let command = doc! { "createIndexes": &self.temporary, "indexes": indexes };
        let building = async { connection.database(&self.database).run_command(command).await };
        let _ = connection.heed(control, building)?.map_err(|error| MongoError::of(&*what, &error))?;
        let built = connection.indexes(&self.database, &self.temporary, control)?;
        for index in self.indexes_to_build() {
            let same = |other: &&Document| {
                other.get("name") == index.get("name") && other.get("key") == index.get("key")
            };
            let name = index.get_str("name").unwrap_or_default();
            let cause = match built.iter().find(same).map(|built| alike::index(&index, built)) {
                Some(None) => continue,
                Some(Some(option)) => format!("the index {name:?} has another {option} afterwards"),
                None => format!("the index {name:?} is not there afterwards"),
            };
            return Err(MongoError::new(Trouble::Differs, what, cause));
        }
        Ok(())
    }

    pub(super) fn drop_temporary(&self, connection: &Connection) -> Result<()> {
        drop_collection(connection, &self.database, &self.temporary)
    }

    /// Gives what is in the way another name.
    fn put_aside(&mut self, connection: &Connection) -> Result<()> {
        let Some(there) = &self.in_the_way else { return Ok(()) };
        if there.kind == Kind::View {
            // A view cannot be renamed; it is only its definition.
            make_view(connection, there, &self.aside)?;
            drop_collection(connection, &self.database, &self.name)?;
        } else {
            rename(connection, &self.database, &self.name, &self.aside)?;
        }
        Ok(())
    }

    fn put_in_place(&mut self, connection: &Connection) -> Result<()> {
        self.is_placed = true;
        match self.source.kind {
            Kind::Collection => rename(connection, &self.database, &self.temporary, &self.name),
            // It has its name from the begin.
            Kind::TimeSeries => Ok(()),
            Kind::View => self.create(connection),
        }
    }
}

impl Targets {
    /// Views name other collections: those that are restored under another name are named so.
    fn adapt_views(&mut self) {
        let names: Vec<((String, String), String)> = self
            .iter()
            .map(|target| ((target.source.database.clone(), target.source.name.clone()), target.name.clone()))
            .collect();
        for target in self.iter_mut().filter(|target| target.source.kind == Kind::View) {
            let on = target.source.options.get_str("viewOn").unwrap_or_default().to_owned();
            let of = |((database, name), _): &&((String, String), String)| {
                *database == target.source.database && *name == on
            };
            if let Some((_, new)) = names.iter().find(of) {
                let _ = target.source.options.insert("viewOn", new);
            }
        }
    }
}

impl Work<'_> {
    /// Gives everything its name. From here on nothing is interrupted.
    pub(super) fn put_in_place(
        &self,
        targets: &mut Targets,
        kept: &BTreeMap<usize, Vec<RawDocumentBuf>>,
        report: &mut RestoreReport,
    ) -> Result<()> {
        targets.adapt_views();
        for target in targets.iter_mut() {
            target.put_aside(self.connection)?;
        }
        // A view may be made before what it is of, but not all servers take that.
        for kind in [Kind::Collection, Kind::TimeSeries, Kind::View] {
            for target in targets.iter_mut().filter(|target| target.source.kind == kind) {
                target.put_in_place(self.connection)?;
            }
        }
        self.look_again(targets, report)?;
        self.kept(targets, kept, report)?;
        if self.options.existing == Existing::Replace {
            for target in targets.iter().filter(|target| target.in_the_way.is_some()) {
                // Everything is restored by now: that something old is left over is no failure.
                if let Err(error) = drop_collection(self.connection, &target.database, &target.aside) {
                    report.warnings.push(error.to_string());
                }
            }
        }
        Ok(())
    }

    /// Whether everything has its name.
    fn look_again(&self, targets: &Targets, report: &mut RestoreReport) -> Result<()> {
        let mut databases = BTreeMap::new();
        for target in targets.iter() {
            if !databases.contains_key(&target.database) {
                let listed = self.connection.collections(&target.database, &Control::new())?;
                let _ = databases.insert(target.database.clone(), listed);
            }
            let same = |there: &&Collection| there.name == target.name && there.kind == target.source.kind;
            let Some(there) = databases.get(&target.database).and_then(|listed| listed.iter().find(same))
            else {
                let what = format!("{}.{} is not there after the restore", target.database, target.name);
                return Err(MongoError::new(Trouble::Differs, what, "the server does not list it"));
            };
            // It had them before it was renamed. No server should do this, but one that does is not passed over in silence.
            let lacking = target.lacking(there);
            if !lacking.is_empty() {
                let lost = lacking.join(", ");
                report.warnings.push(format!(
                    "{}.{} lost its options {lost} when it was renamed",
                    target.database, target.name
                ));
            }
        }
        Ok(())
    }

    /// Users, roles and functions, which are merged into what is there.
    fn kept(
        &self,
        targets: &Targets,
        kept: &BTreeMap<usize, Vec<RawDocumentBuf>>,
        report: &mut RestoreReport,
    ) -> Result<()> {
        let (mut of_users, mut of_roles) = (Vec::new(), Vec::new());
        for (number, documents) in kept {
            let Some(collection) = targets.kept.get(number) else { continue };
            match collection.name.as_str() {
                users::USERS => of_users.clone_from(documents),
                users::ROLES => of_roles.clone_from(documents),
                users::VERSION => {}
                _ => {
                    let (database, name) = targets.renamed(&collection.database, &collection.name);
                    let handle = self.connection.database(&database).collection::<RawDocumentBuf>(&name);
                    for document in documents {
                        let Some(id) = document.get("_id")? else { continue };
                        let filter = doc! { "_id": nesting::value(id)? };
                        let write = async { handle.replace_one(filter, document).upsert(true).await };
                        let _ = self.connection.ask(format!("restoring {database}.{name}"), write)?;
                    }
                    users::compare(self.connection, &database, &name, documents)?;
                }
            }
        }
        if !of_users.is_empty() || !of_roles.is_empty() {
            let moment = format!("{:x}", self.options.at.seconds);
            users::merge(self.connection, &of_users, &of_roles, &moment)?;
            report.users = of_users.len() + of_roles.len();
            report.compared_users = true;
            for (name, documents) in [(users::ROLES, of_roles), (users::USERS, of_users)] {
                match users::compare(self.connection, users::DATABASE, name, &documents) {
                    // All else is in place and compared. How a server merges them is its own affair, so that this is told and undoes nothing.
                    Err(error) if matches!(error.trouble, Trouble::Denied | Trouble::Differs) => {
                        report.compared_users = false;
                        report.warnings.push(format!("look at users and roles yourself: {error}"));
                    }
                    compared => compared?,
                }
            }
        }
        Ok(())
    }
}

/// Makes a view once more, under another name.
pub(super) fn make_view(connection: &Connection, view: &Collection, name: &str) -> Result<()> {
    let mut command = doc! { "create": name };
    command.extend(view.options.clone());
    let what = format!("making {}.{name} as the view {} is", view.database, view.name);
    connection.command(what, &view.database, command).map(drop)
}

pub(super) fn rename(connection: &Connection, database: &str, from: &str, to: &str) -> Result<()> {
    let command = doc! {
        "renameCollection": format!("{database}.{from}"), "to": format!("{database}.{to}"), "dropTarget": false,
    };
    connection.command(format!("renaming {database}.{from} to {to}"), "admin", command).map(drop)
}

pub(super) fn drop_collection(connection: &Connection, database: &str, name: &str) -> Result<()> {
    let command = async { connection.database(database).run_command(doc! { "drop": name }).await };
    match connection.wait(command)? {
        Ok(_) => Ok(()),
        // NamespaceNotFound.
        Err(error) if code_of(&error) == Some(26) => Ok(()),
        Err(error) => Err(MongoError::of(format!("dropping {database}.{name}"), &error)),
    }
}
