//! What is told of plans. A plan's own fields stand beside those of the form, as they do in a plan that is read.

use std::fmt;

use backstay_model::ProjectId;
use backstay_model::plan::PlanSpec;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

/// What is told of a new plan.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(super) struct PlanForm {
    /// The project; the caller's only one when left out.
    pub(super) project: Option<ProjectId>,
    /// What it does.
    #[serde(flatten)]
    pub(super) spec: PlanSpec,
    #[serde(flatten)]
    #[schema(ignore)]
    _rest: NothingElse,
}

/// What is told of a plan that changes: all of it.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(super) struct PlanUpdate {
    /// The revision that was changed.
    pub(super) revision: i64,
    /// What it does.
    #[serde(flatten)]
    pub(super) spec: PlanSpec,
    #[serde(flatten)]
    #[schema(ignore)]
    _rest: NothingElse,
}

/// Refuses the fields that nobody has taken: `deny_unknown_fields` knows nothing of flattened ones.
#[derive(Debug)]
struct NothingElse;

impl<'de> Deserialize<'de> for NothingElse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = NothingElse;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("no further fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NothingElse, A::Error> {
                match map.next_key::<String>()? {
                    Some(key) => Err(de::Error::custom(format_args!("unknown field `{key}`"))),
                    None => Ok(NothingElse),
                }
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01900000-0000-7000-8000-000000000001";

    #[test]
    fn fields_that_nobody_knows_are_refused() {
        let form = |more: &str| {
            serde_json::from_str::<PlanUpdate>(&format!(
                r#"{{"name": "home", "sources": ["{ID}"], "destinations": ["{ID}"], "revision": 3{more}}}"#
            ))
        };
        let known = form(r#", "limits": {"time": "1h"}, "tags": ["a"]"#).unwrap();
        assert_eq!((known.revision, known.spec.name.as_str(), known.spec.enabled), (3, "home", true));
        assert_eq!(known.spec.limits.time.as_secs(), 3600);
        let error = form(r#", "shedule": {}"#).unwrap_err().to_string();
        assert!(error.contains("unknown field `shedule`"), "{error}");
    }
}
