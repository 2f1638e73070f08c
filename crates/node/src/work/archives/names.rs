//! What archives and their folders are called.

use backstay_archive::manifest::SourceFacts;
use backstay_model::ArchiveSettings;
use backstay_policy::BackupType;
use backstay_policy::naming::{Fields, Layout, NamingError};

use super::make::Labels;
use crate::work::{Class, Result, WorkError};

/// What names are made of.
pub(super) struct FieldsOf<'a> {
    pub(super) source: &'a SourceFacts,
    pub(super) labels: Labels<'a>,
    pub(super) backup_type: BackupType,
    pub(super) created: backstay_core::Timestamp,
}

impl FieldsOf<'_> {
    pub(super) fn with<T>(&self, name: impl FnOnce(&Fields<'_>) -> Result<T, NamingError>) -> Result<T> {
        let nanos = i32::try_from(self.created.nanos).unwrap_or(0);
        let time = jiff::Timestamp::new(self.created.seconds, nanos).unwrap_or_default();
        let time = time.to_zoned(jiff::tz::TimeZone::UTC);
        let database = match self.source.databases.as_slice() {
            [] => None,
            [one] => Some(one.as_str()),
            _ => Some("all"),
        };
        let fields = Fields {
            server: self.source.server.as_deref(),
            database,
            backup_type: self.backup_type,
            plan: Some(self.labels.plan),
            host: Some(&self.source.host),
            source: Some(self.labels.source),
            time: &time,
        };
        name(&fields).map_err(|error| unnamed(&error))
    }

    pub(super) fn folder(&self, settings: &ArchiveSettings) -> Result<String> {
        let layout = Layout::parse(&settings.folder).map_err(|error| unnamed(&error))?;
        self.with(|fields| layout.folder(fields))
    }
}

pub(super) fn unnamed(error: &NamingError) -> WorkError {
    WorkError::new(Class::Other, "the archive cannot be named")
        .because(error)
        .hint("correct the patterns of names and folders at the destination")
}
