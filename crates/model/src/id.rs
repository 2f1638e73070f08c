//! Ids of records: UUIDs of version 7, which sort by the time they were made.

use std::borrow::Cow;

use backstay_core::{Clock, Random};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

/// A new id; ids of the same millisecond are in no order.
fn new(clock: &dyn Clock, random: &dyn Random) -> Uuid {
    let now = clock.now();
    let millis = u64::try_from(now.seconds).unwrap_or(0) * 1000 + u64::from(now.nanos / 1_000_000);
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

/// A text that is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no id")]
pub struct NoId(String);

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "schema", schema(value_type = String, format = Uuid))]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id.
            #[must_use]
            pub fn new(clock: &dyn Clock, random: &dyn Random) -> Self {
                Self(new(clock, random))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // It is not repeated: it may be a secret in the wrong field.
                let text = Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(|_| D::Error::custom("that is no id, as 01980a3c-8f4e-7cc1-9d3a-5b7f6c1e2d40"))
            }
        }

        impl std::str::FromStr for $name {
            type Err = NoId;

            fn from_str(text: &str) -> Result<Self, NoId> {
                Uuid::try_parse(text).map(Self).map_err(|_| NoId(text.chars().take(64).collect()))
            }
        }
    )*};
}

ids! {
    /// A project: a group of plans, nodes and people with roles.
    ProjectId,
    /// A node.
    NodeId,
    /// A connection.
    ConnectionId,
    /// A source.
    SourceId,
    /// A destination.
    DestinationId,
    /// A repository at a destination.
    RepositoryId,
    /// A plan.
    PlanId,
    /// A run.
    RunId,
    /// A person.
    PersonId,
    /// An API token.
    TokenId,
    /// A passkey.
    PasskeyId,
    /// A command that a server gave to a node.
    CommandId,
    /// Content that a node hands to a server.
    TransferId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_is_told_in_plain_words() {
        let id = PlanId(Uuid::from_u128(7));
        let text = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<PlanId>(&text).unwrap(), id);
        let error = serde_json::from_str::<PlanId>("\"nightly\"").unwrap_err().to_string();
        assert!(error.starts_with("that is no id, as 0198") && !error.contains("nightly"), "{error}");
        assert!(serde_json::from_str::<PlanId>("7").is_err());
    }
}
