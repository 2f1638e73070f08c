//! Queries whose fields may be repeated, and those of lists that come in pages.

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use backstay_catalog::Cursor;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Items in a page, where nobody says how many.
const USUAL: u32 = 50;
/// Items in a page at most.
const MOST: u32 = 500;

/// A query. A field that comes several times counts as one with its values after commas, and one without a value as left out.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

/// A query for one page of a list.
#[derive(Debug)]
pub(crate) struct Paged<T> {
    /// What is asked for.
    pub(crate) of: T,
    /// Where the page before ended.
    pub(crate) cursor: Option<Cursor>,
    /// How many at most.
    pub(crate) limit: u32,
}

/// The part of a paged query that all have, for the document.
#[derive(Debug, Default, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    /// Where the page before ended: its `next`.
    cursor: Option<String>,
    /// How many at most, from 1 to 500; 50 when left out.
    limit: Option<u32>,
}

/// A page of a list.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Page<T> {
    /// The newest first.
    pub(crate) items: Vec<T>,
    /// Where it ended, for `cursor`; left out when there is no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl<T> From<backstay_catalog::Page<T>> for Page<T> {
    fn from(page: backstay_catalog::Page<T>) -> Self {
        Self { items: page.items, next: page.next.map(|next| next.to_string()) }
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read(pairs(parts.uri.query())).map(Self)
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Paged<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let (paging, rest): (Vec<_>, Vec<_>) =
            pairs(parts.uri.query()).into_iter().partition(|(name, _)| name == "cursor" || name == "limit");
        let paging: Paging = read(paging)?;
        let cursor = paging.cursor.map(|cursor| cursor.parse()).transpose();
        let cursor = cursor
            .map_err(|error: backstay_catalog::NoCursor| Problem::invalid("cursor", error.to_string()))?;
        Ok(Self { of: read(rest)?, cursor, limit: limit(paging.limit, USUAL, MOST)? })
    }
}

/// How many items are given: as many as asked for, within bounds.
pub(crate) fn limit(asked: Option<u32>, usual: u32, most: u32) -> Result<u32, Problem> {
    match asked {
        None => Ok(usual),
        Some(asked) if (1..=most).contains(&asked) => Ok(asked),
        Some(_) => Err(Problem::invalid("limit", format!("it has to be from 1 to {most}"))),
    }
}

/// The fields of a query as they stand in it, each once.
fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in query.unwrap_or_default().split('&') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if value.is_empty() {
            continue;
        }
        match pairs.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => {
                values.push_str("%2C");
                values.push_str(value);
            }
            None => pairs.push((name.to_owned(), value.to_owned())),
        }
    }
    pairs
}

fn read<T: DeserializeOwned>(pairs: Vec<(String, String)>) -> Result<T, Problem> {
    let query: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let bad = |_| Problem::bad_request("the query cannot be read");
    let uri: Uri = format!("/?{}", query.join("&")).parse().map_err(bad)?;
    let query = axum::extract::Query::<T>::try_from_uri(&uri);
    query.map(|query| query.0).map_err(|rejection| Problem::bad_request(rejection.body_text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        state: Option<String>,
        number: Option<u32>,
    }

    #[test]
    fn what_is_repeated_is_one_list() {
        let asked: Asked = read(pairs(Some("state=failed&number=7&state=paused,running&state="))).unwrap();
        assert_eq!((asked.state.as_deref(), asked.number), (Some("failed,paused,running"), Some(7)));
        let none: Asked = read(pairs(None)).unwrap();
        assert_eq!((none.state, none.number), (None, None));
        for odd in ["states=x", "number=x", "number=1&number=2", "%zz=1"] {
            assert!(read::<Asked>(pairs(Some(odd))).is_err(), "{odd}");
        }
    }
}
