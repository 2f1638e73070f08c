//! Between rows and values.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::{CatalogError, Result};
use backstay_model::Time;

/// A query with its values.
macro_rules! sql {
    ($text:expr $(, $value:expr)* $(,)?) => { sqlx::query::<sqlx::Any>($text)$(.bind($value))* };
}
pub(crate) use sql;

/// Microseconds since 1970.
pub(crate) fn micros(time: Time) -> i64 {
    time.as_microsecond()
}

/// The moment of so many microseconds.
pub(crate) fn moment(micros: i64) -> Result<Time> {
    Time::from_microsecond(micros)
        .map_err(|error| CatalogError::corrupt(format_args!("{micros} is no moment: {error}")))
}

/// A record as JSON.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(CatalogError::other)
}

/// An `i64` for a number that is never that large.
pub(crate) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Reads columns by name.
pub(crate) trait Columns {
    fn text(&self, name: &str) -> Result<String>;
    fn text_or_none(&self, name: &str) -> Result<Option<String>>;
    fn int(&self, name: &str) -> Result<i64>;
    fn int_or_none(&self, name: &str) -> Result<Option<i64>>;

    fn time(&self, name: &str) -> Result<Time> {
        moment(self.int(name)?)
    }

    fn time_or_none(&self, name: &str) -> Result<Option<Time>> {
        self.int_or_none(name)?.map(moment).transpose()
    }

    fn flag(&self, name: &str) -> Result<bool> {
        Ok(self.int(name)? != 0)
    }

    fn doc<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        Ok(serde_json::from_str(&self.text(name)?)?)
    }

    fn doc_or_none<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let text = self.text_or_none(name)?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// Reads what has a text form: ids above all.
    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<T> {
        self.text(name)?
            .parse()
            .map_err(|error| CatalogError::corrupt(format_args!("column {name}: {error}")))
    }
}

impl Columns for AnyRow {
    fn text(&self, name: &str) -> Result<String> {
        Ok(self.try_get(name)?)
    }

    fn text_or_none(&self, name: &str) -> Result<Option<String>> {
        Ok(self.try_get(name)?)
    }

    fn int(&self, name: &str) -> Result<i64> {
        Ok(self.try_get(name)?)
    }

    fn int_or_none(&self, name: &str) -> Result<Option<i64>> {
        Ok(self.try_get(name)?)
    }
}

/// Text from outside as both databases take it: PostgreSQL refuses the character NUL.
pub(crate) fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// A value in a query that is put together.
enum Value {
    Text(String),
    Int(i64),
}

/// A query that is put together from parts, with its values numbered as they come.
#[derive(Default)]
pub(crate) struct Composed {
    text: String,
    values: Vec<Value>,
}

impl Composed {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    pub(crate) fn text(&mut self, value: impl Into<String>) -> &mut Self {
        self.value(Value::Text(value.into()))
    }

    pub(crate) fn int(&mut self, value: i64) -> &mut Self {
        self.value(Value::Int(value))
    }

    fn value(&mut self, value: Value) -> &mut Self {
        use std::fmt::Write;
        self.values.push(value);
        let _ = write!(self.text, "${}", self.values.len());
        self
    }

    /// A list in brackets; one of nothing matches nothing.
    pub(crate) fn texts(&mut self, values: impl IntoIterator<Item = String>) -> &mut Self {
        self.push("(");
        let mut none = true;
        for value in values {
            if !none {
                self.push(", ");
            }
            none = false;
            self.text(value);
        }
        if none {
            self.push("NULL");
        }
        self.push(")")
    }

    pub(crate) fn query(self) -> sqlx::query::Query<'static, sqlx::Any, sqlx::any::AnyArguments> {
        let mut query = sqlx::query::<sqlx::Any>(sqlx::AssertSqlSafe(self.text));
        for value in self.values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Int(number) => query.bind(number),
            };
        }
        query
    }
}
