//! The file, and the form of each record in it.

use backstay_model::plan::PlanSpec;
use backstay_model::{ConnectionSettings, Holds, Layout, SourceSpec};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::secrets;
use crate::failure::{Explain, Failure, Outcome};

/// The kinds of records, each after those it refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Connection,
    Source,
    Destination,
    Plan,
    Notifier,
    Person,
}

impl Kind {
    pub(super) const ALL: [Self; 6] =
        [Self::Connection, Self::Source, Self::Destination, Self::Plan, Self::Notifier, Self::Person];

    /// Its list in the file and its place in the API.
    pub(super) const fn list(self) -> &'static str {
        match self {
            Self::Connection => "connections",
            Self::Source => "sources",
            Self::Destination => "destinations",
            Self::Plan => "plans",
            Self::Notifier => "notifiers",
            Self::Person => "people",
        }
    }

    /// What one is called.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Source => "source",
            Self::Destination => "destination",
            Self::Plan => "plan",
            Self::Notifier => "notifier",
            Self::Person => "person",
        }
    }

    /// The field that names one.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Person => "email",
            _ => "name",
        }
    }
}

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Document {
    /// The project; the only one when left out.
    pub(super) project: Option<String>,
    connections: Vec<Map<String, Value>>,
    sources: Vec<Map<String, Value>>,
    destinations: Vec<Map<String, Value>>,
    plans: Vec<Map<String, Value>>,
    notifiers: Vec<Map<String, Value>>,
    people: Vec<Map<String, Value>>,
}

/// A record as it stands in the file, with all defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    pub(super) name: String,
    pub(super) fields: Map<String, Value>,
}

impl Document {
    /// Reads the file.
    pub(super) fn parse(file: Value) -> Outcome<Self> {
        serde_json::from_value(file).explain("the file does not have the form that `apply` takes")
    }

    /// The records of a kind, each in full.
    pub(super) fn records(&self, kind: Kind) -> Outcome<Vec<Record>> {
        let list = match kind {
            Kind::Connection => &self.connections,
            Kind::Source => &self.sources,
            Kind::Destination => &self.destinations,
            Kind::Plan => &self.plans,
            Kind::Notifier => &self.notifiers,
            Kind::Person => &self.people,
        };
        let mut records: Vec<Record> = Vec::new();
        for (place, fields) in list.iter().enumerate() {
            let here = format!("{}[{place}]", kind.list());
            let record = Record::new(kind, fields.clone()).map_err(|failure| failure.context(&here))?;
            if records.iter().any(|other| other.name == record.name) {
                return Err(Failure::fatal(format!(
                    "{here}: there are two {} named {}",
                    kind.list(),
                    record.name
                )));
            }
            records.push(record);
        }
        Ok(records)
    }
}

impl Record {
    /// A record of fields that may leave out what has a default.
    pub(super) fn new(kind: Kind, mut fields: Map<String, Value>) -> Outcome<Self> {
        let name = fields.get(kind.key()).and_then(Value::as_str).map(str::to_owned);
        let name = name.ok_or_else(|| Failure::fatal(format!("{} is missing", kind.key())))?;
        match kind {
            Kind::Connection => {
                let settings = taken(&mut fields, "settings")?;
                fields.insert("settings".to_owned(), in_full::<ConnectionSettings>(settings, "settings")?);
            }
            Kind::Source => {
                let spec = taken(&mut fields, "spec")?;
                fields.insert("spec".to_owned(), source(spec)?);
            }
            Kind::Destination => {
                fields.entry("path").or_insert_with(|| "".into());
                let layout = fields.remove("layout").unwrap_or_else(|| "per_node".into());
                fields.insert("layout".to_owned(), in_full::<Layout>(layout, "layout")?);
                let holds = fields.remove("holds").unwrap_or_else(|| json!({ "type": "repository" }));
                fields.insert("holds".to_owned(), in_full::<Holds>(holds, "holds")?);
            }
            Kind::Plan => fields = plan(fields)?,
            Kind::Notifier | Kind::Person => {}
        }
        Ok(Self { name, fields })
    }
}

/// What a source is, in full. It refers to its connection by name, which its type knows by id: it stands aside meanwhile.
fn source(mut spec: Value) -> Outcome<Value> {
    let connection = spec.get_mut("connection").map(|name| std::mem::replace(name, NOBODY.into()));
    let mut full = in_full::<SourceSpec>(spec, "spec")?;
    if let (Some(name), Some(place)) = (connection, full.get_mut("connection")) {
        *place = name;
    }
    Ok(full)
}

/// An id of nobody.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// A plan in full. It refers to others by name, which its type knows by id: they stand aside meanwhile.
fn plan(mut fields: Map<String, Value>) -> Outcome<Map<String, Value>> {
    let nobody = Value::Array(Vec::new());
    let sources = match fields.get("copy") {
        Some(_) => fields.remove("sources").unwrap_or_else(|| nobody.clone()),
        None => taken(&mut fields, "sources")?,
    };
    let destinations = taken(&mut fields, "destinations")?;
    fields.insert("sources".to_owned(), nobody.clone());
    fields.insert("destinations".to_owned(), nobody);
    let mut aside = Vec::new();
    if let Some(Value::Object(copy)) = fields.get_mut("copy") {
        aside = ["from", "node", "plans"].into_iter().filter_map(|name| copy.remove_entry(name)).collect();
        copy.insert("from".to_owned(), NOBODY.into());
    }
    let full = in_full::<PlanSpec>(Value::Object(fields), "plan")?;
    let Value::Object(mut fields) = full else { return Err(Failure::fatal("a plan has fields")) };
    fields.insert("sources".to_owned(), sources);
    fields.insert("destinations".to_owned(), destinations);
    if let Some(Value::Object(copy)) = fields.get_mut("copy") {
        copy.remove("from");
        copy.extend(aside);
        if !copy.contains_key("from") {
            return Err(Failure::fatal("copy.from is missing"));
        }
    }
    Ok(fields)
}

fn taken(fields: &mut Map<String, Value>, name: &str) -> Outcome<Value> {
    fields.remove(name).ok_or_else(|| Failure::fatal(format!("{name} is missing")))
}

/// What a value is once its type has filled in what it leaves out. No type writes secrets: where they are is put back.
fn in_full<T: serde::de::DeserializeOwned + serde::Serialize>(value: Value, what: &str) -> Outcome<Value> {
    let typed: T = serde_json::from_value(secrets::hidden(value.clone())).explain(what)?;
    Ok(secrets::put_back(serde_json::to_value(typed).explain(what)?, &value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_a_record_leaves_out_has_its_default() {
        let short = json!({"name": "p", "sources": ["a"], "destinations": ["b"], "schedule": {"when": {"every": "6h"}}});
        let record = Record::new(Kind::Plan, fields(short)).unwrap();
        assert_eq!(record.fields["sources"], json!(["a"]));
        assert_eq!(record.fields["enabled"], json!(true));
        let again = Record::new(Kind::Plan, record.fields.clone()).unwrap();
        assert_eq!(again, record);
    }

    #[test]
    fn a_copy_plan_names_what_it_copies_from() {
        let short = json!({"name": "p", "copy": {"from": "a", "plans": ["nightly"]}, "destinations": ["b"]});
        let record = Record::new(Kind::Plan, fields(short)).unwrap();
        let copy = json!({"from": "a", "plans": ["nightly"], "mirror": false});
        assert_eq!((&record.fields["copy"], &record.fields["sources"]), (&copy, &json!([])));
        assert_eq!(Record::new(Kind::Plan, record.fields.clone()).unwrap(), record);
        let nowhere = json!({"name": "p", "copy": {"mirror": true}, "destinations": ["b"]});
        assert!(Record::new(Kind::Plan, fields(nowhere)).is_err());
    }

    #[test]
    fn a_source_names_its_connection() {
        let method = json!({"type": "cold", "service": {"service": "mariadb"}});
        let short =
            json!({"name": "db", "spec": {"type": "mysql", "connection": "local db", "method": method}});
        let record = Record::new(Kind::Source, fields(short)).unwrap();
        assert_eq!(record.fields["spec"]["connection"], json!("local db"));
        assert_eq!(record.fields["spec"]["method"]["sequence"], json!("auto"));
        let files = json!({"name": "home", "spec": {"type": "files", "paths": ["/home"]}});
        assert!(Record::new(Kind::Source, fields(files)).unwrap().fields["spec"].get("connection").is_none());
    }

    #[test]
    fn a_record_keeps_where_its_secret_is() {
        let secret = json!({"env": "BUCKET_SECRET_KEY"});
        let bucket = json!({"type": "s3", "bucket": "b", "access_key": "a", "secret_key": secret});
        let record = Record::new(Kind::Connection, fields(json!({"name": "b", "settings": bucket}))).unwrap();
        assert_eq!(record.fields["settings"]["secret_key"], secret);
    }

    #[test]
    fn what_has_no_place_is_refused() {
        for wrong in [
            json!({"plan": []}),
            json!({"plans": [{"sources": []}]}),
            json!({"connections": [{"name": "x"}]}),
        ] {
            let refused = Document::parse(wrong.clone())
                .and_then(|it| Kind::ALL.into_iter().try_for_each(|kind| it.records(kind).map(drop)));
            assert!(refused.is_err(), "{wrong}");
        }
        let twice = json!({"people": [{"email": "a@b.c"}, {"email": "a@b.c"}]});
        assert!(Document::parse(twice).unwrap().records(Kind::Person).is_err());
    }
}
