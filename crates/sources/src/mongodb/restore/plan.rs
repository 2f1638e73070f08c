//! What is restored to where.

use std::collections::{BTreeSet, HashMap};

use backstay_core::Control;
use sha2::{Digest as _, Sha256};

use super::super::error::{MongoError, Result, Trouble};
use super::super::{Collection, Connection, Digest, Dump, Kind, Selection, names, users};
use super::{Existing, RestoreOptions, Restored};

/// A collection on its way into place.
#[derive(Debug, Clone)]
pub(in super::super) struct Target {
    /// As it is in the dump, with the indexes and options that it gets.
    pub(in super::super) source: Collection,
    pub(in super::super) database: String,
    pub(in super::super) name: String,
    /// What it is called until it is whole.
    pub(in super::super) temporary: String,
    pub(super) digest: Digest,
    pub(super) agrees_with_manifest: bool,
    /// Whether the oplog changed its documents, and how many it has since.
    pub(in super::super) is_changed: bool,
    pub(super) documents: Option<u64>,
    /// What has its name already.
    pub(super) in_the_way: Option<Collection>,
    pub(super) aside: String,
    /// Whether the server was asked to give it its name.
    pub(super) is_placed: bool,
    /// Whether the server was asked to make it.
    pub(super) is_made: bool,
    /// Its place among all that this restore names.
    pub(super) index: usize,
    /// Its number in the dump; none for what the oplog made.
    number: Option<usize>,
}

/// All that is restored.
pub(in super::super) struct Targets {
    all: Vec<Target>,
    by_number: HashMap<usize, usize>,
    /// Users, roles and functions: they have no temporary names.
    pub(super) kept: HashMap<usize, Collection>,
    options: RestoreOptions,
    /// What the dump was taken of, where it says so: shipped oplog is of the whole server.
    taken: Option<Selection>,
    /// What the dump has, for messages.
    offers: String,
    /// Of the restore.
    control: Control,
    mark: String,
    /// The mark of what is on its way: of this try alone, since a server may still take in what an earlier one sent before it broke off.
    mark_of_try: String,
    /// The end of both marks: what all tries of the same restore have in common.
    pub(super) tag: String,
    made: usize,
}

/// Bytes of a name by chance, or of a hash.
const TAG: usize = 6;

/// A name for a work, of its own hash or by chance.
fn tag(work: &str) -> Result<String> {
    if work.is_empty() {
        return by_chance();
    }
    Ok(Sha256::digest(work).iter().take(TAG).map(|byte| format!("{byte:02x}")).collect())
}

/// The first collections of a dump, by their names.
fn offers(dump: &dyn Dump) -> String {
    const TOLD: usize = 10;
    let all = dump.collections().iter().filter(|one| !one.database.is_empty() && !users::has(one));
    let mut names: Vec<String> = all.map(Collection::full_name).collect();
    names.sort_unstable();
    let more = match names.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    names.truncate(TOLD);
    if names.is_empty() { "no collections".to_owned() } else { format!("{}{more}", names.join(", ")) }
}

fn by_chance() -> Result<String> {
    let mut bytes = [0; TAG];
    getrandom::fill(&mut bytes)
        .map_err(|error| MongoError::new(Trouble::Settings, "choosing names", error))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Targets {
    pub(super) fn plan(dump: &dyn Dump, options: &RestoreOptions, control: &Control) -> Result<Self> {
        let moment = jiff::Timestamp::from_second(options.at.seconds).unwrap_or_default();
        let tag = tag(&options.work)?;
        let moment = moment.strftime("%Y%m%dT%H%M%SZ");
        let mark = format!("{moment}-{tag}");
        let mark_of_try = format!("{moment}-{}-{tag}", by_chance()?);
        let mut targets = Self {
            all: Vec::new(),
            by_number: HashMap::new(),
            kept: HashMap::new(),
            options: options.clone(),
            taken: dump.manifest().map(|manifest| Selection {
                include: manifest.include.clone(),
                exclude: manifest.exclude.clone(),
            }),
            offers: offers(dump),
            control: control.clone(),
            mark,
            mark_of_try,
            tag,
            made: 0,
        };
        for (number, collection) in dump.collections().iter().enumerate() {
            if users::has(collection) {
                if options.users {
                    let _ = targets.kept.insert(number, collection.clone());
                }
            } else if !collection.database.is_empty()
                && options.selection.takes(&collection.database, &collection.name)
            {
                if collection.name == "system.js" {
                    let _ = targets.kept.insert(number, collection.clone());
                } else {
                    targets.add(collection.clone(), Some(number));
                }
            }
        }
        let mut seen = BTreeSet::new();
        for target in &targets.all {
            if !seen.insert((&target.database, &target.name)) {
                let what = format!("restoring {}", target.source.full_name());
                let cause = format!("another collection becomes {}.{} too", target.database, target.name);
                return Err(MongoError::new(Trouble::Settings, what, cause));
            }
        }
        // Oplog that was shipped later may make what is selected.
        if options.segments.is_empty() {
            targets.refuse_nothing()?;
        }
        Ok(targets)
    }

    /// Whether there is anything to restore.
    pub(super) fn refuse_nothing(&self) -> Result<()> {
        if self.all.is_empty() && self.kept.is_empty() {
            let of = match self.options.selection.include.as_slice() {
                [] => "selected".to_owned(),
                names => format!("called {}", names.join(" or ")),
            };
            let after = match self.options.segments.as_slice() {
                [] => "",
                _ => ", and the oplog after it makes nothing that is",
            };
            let cause = format!("nothing of the backup is {of}{after}; it has {}", self.offers);
            let mut error = MongoError::new(Trouble::Settings, "nothing can be restored", cause);
            error.hint = "name databases or collections that the backup has, or none for all of them";
            return Err(error);
        }
        Ok(())
    }

    /// Where a collection of the dump goes.
    pub(super) fn renamed(&self, database: &str, collection: &str) -> (String, String) {
        let full = format!("{database}.{collection}");
        if let Some((_, to)) = self.options.collections.iter().find(|(from, _)| *from == full)
            && let Some((database, collection)) = to.split_once('.')
        {
            return (database.to_owned(), collection.to_owned());
        }
        let renamed = self.options.databases.iter().find(|(from, _)| from == database);
        (renamed.map_or(database, |(_, to)| to.as_str()).to_owned(), collection.to_owned())
    }

    fn add(&mut self, source: Collection, number: Option<usize>) {
        let (database, name) = self.renamed(&source.database, &source.name);
        let index = self.made;
        self.made += 1;
        let temporary = match source.kind {
            Kind::Collection => names::temporary(&self.mark_of_try, index),
            // They cannot be renamed.
            Kind::View | Kind::TimeSeries => name.clone(),
        };
        if let Some(number) = number {
            let _ = self.by_number.insert(number, self.all.len());
        }
        self.all.push(Target {
            aside: names::aside(&database, &name, &self.mark, index),
            source,
            database,
            name,
            temporary,
            digest: Digest::default(),
            agrees_with_manifest: false,
            is_changed: false,
            documents: None,
            in_the_way: None,
            is_placed: false,
            is_made: false,
            index,
            number,
        });
    }

    /// Looks what is in the way.
    pub(super) fn look(&mut self, connection: &Connection, existing: Existing) -> Result<()> {
        let databases: BTreeSet<String> = self.all.iter().map(|target| target.database.clone()).collect();
        let mut there = HashMap::new();
        for database in databases {
            self.control.checkpoint()?;
            for collection in connection.collections(&database, &self.control)? {
                let _ = there.insert((database.clone(), collection.name.clone()), collection);
            }
        }
        for target in &mut self.all {
            target.in_the_way = there.get(&(target.database.clone(), target.name.clone())).cloned();
        }
        match self.refused(existing, connection.place()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Why it cannot be restored to `place`, with what is in the way there.
    fn refused(&self, existing: Existing, place: &str) -> Option<MongoError> {
        let is_series = |kind| kind == Kind::TimeSeries;
        let in_the_way: Vec<(&Target, &Collection)> = self
            .all
            .iter()
            .filter_map(|target| Some((target, target.in_the_way.as_ref()?)))
            .filter(|(target, there)| {
                existing == Existing::Refuse || is_series(there.kind) || is_series(target.source.kind)
            })
            .collect();
        let (first, _) = in_the_way.first()?;
        let are = match in_the_way.len() {
            0 | 1 => " is".to_owned(),
            count => format!(", and {} more, are", count - 1),
        };
        let cause = format!("{}.{}{are} there already", first.database, first.name);
        let mut error = MongoError::new(Trouble::Exists, format!("cannot restore to {place}"), cause);
        // A time series has its name from the beginning, so that a try that was killed may have left it.
        let may_be_left =
            |(target, there): &(&Target, &Collection)| is_series(target.source.kind) && is_series(there.kind);
        if in_the_way.iter().any(may_be_left) {
            error.hint = "an earlier try of this restore may have left the time series: drop it then, or restore to another name";
        } else if existing != Existing::Refuse {
            error.hint =
                "a time series can neither be put aside nor take another name first: restore to another name";
        }
        Some(error)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Target> {
        self.all.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Target> {
        self.all.iter_mut()
    }

    pub(super) fn of_number(&self, number: usize) -> Option<&Target> {
        self.all.get(*self.by_number.get(&number)?)
    }

    pub(super) fn of_number_mut(&mut self, number: usize) -> Option<&mut Target> {
        self.all.get_mut(*self.by_number.get(&number)?)
    }

    pub(super) fn is_kept(&self, number: usize) -> bool {
        self.kept.contains_key(&number)
    }

    /// The numbers of all that has documents to be inserted.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (usize, &Target)> {
        self.all.iter().filter_map(|target| Some((target.number?, target)))
    }

    /// The target of a collection by its name in the dump.
    pub(in super::super) fn find(&self, database: &str, collection: &str) -> Option<&Target> {
        self.all.iter().find(|target| target.source.database == database && target.source.name == collection)
    }

    pub(in super::super) fn find_mut(&mut self, database: &str, collection: &str) -> Option<&mut Target> {
        self.all
            .iter_mut()
            .find(|target| target.source.database == database && target.source.name == collection)
    }

    /// Whether a collection is restored where the dump has it, or would have it if it had been there.
    pub(in super::super) fn wants(&self, database: &str, collection: &str) -> bool {
        self.taken.as_ref().is_none_or(|taken| taken.takes(database, collection))
            && self.options.selection.takes(database, collection)
    }

    /// Whether the oplog of a collection is replayed: it is restored, or may be by the name that it gets later.
    pub(in super::super) fn follows(&self, database: &str, collection: &str) -> bool {
        let taken = self.taken.as_ref().is_none_or(|taken| taken.touches(database));
        self.wants(database, collection)
            || self.find(database, collection).is_some()
            || (names::is_on_its_way(collection) && taken && self.options.selection.touches(database))
    }

    /// Removes what was followed and has no name that is restored.
    pub(in super::super) fn drop_unwanted(&mut self, connection: &Connection) -> Result<()> {
        let names =
            self.all.iter().map(|target| (target.source.database.clone(), target.source.name.clone()));
        let unwanted: Vec<(String, String)> =
            names.filter(|(database, name)| !self.wants(database, name)).collect();
        unwanted.iter().try_for_each(|(database, name)| self.drop(connection, database, name))
    }

    /// What is in the way of the target of a collection, by the name that the oplog gives it.
    fn look_once(&mut self, connection: &Connection, database: &str, collection: &str) -> Result<()> {
        let (is_wanted, existing) = (self.wants(database, collection), self.options.existing);
        let control = self.control.clone();
        let Some(target) = self.find_mut(database, collection) else { return Ok(()) };
        target.in_the_way = None;
        if !is_wanted {
            return Ok(());
        }
        let listed = connection.collections(&target.database, &control)?;
        target.in_the_way = listed.into_iter().find(|there| there.name == target.name);
        if target.in_the_way.is_some() && existing == Existing::Refuse {
            let what = format!("cannot restore {}, which the oplog makes", target.source.full_name());
            return Err(MongoError::new(Trouble::Exists, what, "a collection of this name is there already"));
        }
        Ok(())
    }

    /// A collection that was made after the dump began.
    pub(in super::super) fn create(&mut self, connection: &Connection, source: Collection) -> Result<()> {
        let (database, name) = (source.database.clone(), source.name.clone());
        self.add(source, None);
        self.look_once(connection, &database, &name)?;
        let Some(target) = self.all.last_mut() else { return Ok(()) };
        if target.has_documents() { target.create(connection) } else { Ok(()) }
    }

    /// A collection that was dropped after the dump began.
    pub(in super::super) fn drop(
        &mut self,
        connection: &Connection,
        database: &str,
        collection: &str,
    ) -> Result<()> {
        if let Some(index) = self
            .all
            .iter()
            .position(|target| target.source.database == database && target.source.name == collection)
        {
            let target = self.all.remove(index);
            self.by_number.clear();
            for (index, target) in self.all.iter().enumerate() {
                if let Some(number) = target.number {
                    let _ = self.by_number.insert(number, index);
                }
            }
            if target.has_documents() {
                target.drop_temporary(connection)?;
            }
        }
        Ok(())
    }

    /// A collection that was renamed after the dump began.
    pub(in super::super) fn rename(
        &mut self,
        connection: &Connection,
        from: (&str, &str),
        to: (&str, &str),
    ) -> Result<()> {
        if self.find(from.0, from.1).is_none() {
            return Ok(());
        }
        self.drop(connection, to.0, to.1)?;
        let (database, name) = self.renamed(to.0, to.1);
        let Some(target) = self.find_mut(from.0, from.1) else { return Ok(()) };
        if target.database != database {
            let what = format!("replaying a rename of {}.{}", from.0, from.1);
            return Err(MongoError::new(Trouble::Refused, what, "it goes to another database"));
        }
        (target.source.database, target.source.name) = (to.0.to_owned(), to.1.to_owned());
        target.aside = format!("{name}.{}", target.aside.rsplit('.').next().unwrap_or_default());
        target.name = name;
        self.look_once(connection, to.0, to.1)
    }

    /// The names of a database's collections in the dump.
    pub(in super::super) fn of_database(&self, database: &str) -> Vec<String> {
        let of = self.all.iter().filter(|target| target.source.database == database);
        of.map(|target| target.source.name.clone()).collect()
    }

    pub(super) fn report(&self) -> Vec<Restored> {
        let of = |target: &Target| Restored {
            database: target.database.clone(),
            collection: target.name.clone(),
            kind: target.source.kind.name(),
            digest: target.digest,
            agrees_with_manifest: target.agrees_with_manifest,
            replayed: target.documents,
            indexes: target.indexes_to_build().len(),
            put_aside: target
                .in_the_way
                .as_ref()
                .filter(|_| self.options.existing == Existing::PutAside)
                .map(|_| target.aside.clone()),
        };
        self.all.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::EntriesDump;
    use super::*;

    #[test]
    fn a_time_series_in_the_way_is_told_with_what_may_have_left_it() {
        let text = r#"{"indexes":[],"collectionName":"heat","type":"timeseries"}"#;
        let paths = ["shop/heat.metadata.json", "shop/system.buckets.heat.bson"];
        let dump = EntriesDump::open(
            &paths.map(|path| path.as_bytes().to_vec()),
            Arc::new(|_| Ok(Box::new(text.as_bytes()))),
        )
        .unwrap();
        let mut targets = Targets::plan(&dump, &RestoreOptions::default(), &Control::new()).unwrap();
        assert!(targets.refused(Existing::Refuse, "a server").is_none());
        let mut there = dump.collections()[0].clone();
        for (kind, says) in
            [(Kind::TimeSeries, "an earlier try of this restore"), (Kind::Collection, "to another name")]
        {
            there.kind = kind;
            targets.all[0].in_the_way = Some(there.clone());
            for existing in [Existing::Refuse, Existing::Replace, Existing::PutAside] {
                let error = targets.refused(existing, "a server").unwrap();
                assert_eq!(error.to_string(), "cannot restore to a server: shop.heat is there already");
                assert!(error.hint.contains(says), "{}", error.hint);
            }
        }
        let more = targets.all[0].clone();
        targets.all.extend([more.clone(), more]);
        let error = targets.refused(Existing::Refuse, "a server").unwrap();
        assert_eq!(error.cause, "shop.heat, and 2 more, are there already");
    }

    #[test]
    fn what_the_backup_has_is_told_where_nothing_of_it_is_selected() {
        let paths = (0..12).map(|n| format!("shop/c{n:02}.bson").into_bytes()).collect::<Vec<_>>();
        let dump = EntriesDump::open(&paths, Arc::new(|_| Ok(Box::new(&b""[..])))).unwrap();
        let selection = Selection { include: vec!["nonexist".to_owned()], ..Selection::all() };
        let options = RestoreOptions { selection, ..RestoreOptions::default() };
        let error = super::super::restorable(&dump, &options).unwrap_err();
        let cause = "nothing of the backup is called nonexist; it has shop.c00, shop.c01, shop.c02, shop.c03, shop.c04, shop.c05, shop.c06, \
            shop.c07, shop.c08, shop.c09, and 2 more";
        assert_eq!(error.cause, cause);
        assert!(error.hint.contains("that the backup has"), "{}", error.hint);
        assert!(super::super::restorable(&dump, &RestoreOptions::default()).is_ok());
    }
}
