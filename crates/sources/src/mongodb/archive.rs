//! Archives of `mongodump` as dumps to restore.

use std::io::Read;

use backstay_mongodump::{FormatError, Header, Namespace, OPLOG, Reader};

use super::{Collection, Kind, Manifest};

/// An archive as a dump to restore.
pub struct ArchiveDump {
    pub(super) reader: Reader<Box<dyn Read + Send>>,
    pub(super) collections: Vec<Collection>,
    /// The number of the oplog's namespace.
    pub(super) oplog: Option<usize>,
    pub(super) manifest: Option<Manifest>,
}

impl ArchiveDump {
    /// Reads the prelude; whether the stream is compressed is seen. The manifest is what is known of the dump from elsewhere, as the
    /// format has no place for it.
    ///
    /// # Errors
    /// When it is no archive.
    pub fn open(input: impl Read + Send + 'static, manifest: Option<Manifest>) -> Result<Self, FormatError> {
        let reader = backstay_mongodump::open(input)?;
        let mut collections = Vec::new();
        for namespace in reader.namespaces().iter() {
            let read =
                Collection::from_metadata(&namespace.database, &namespace.collection, &namespace.metadata);
            let mut collection =
                read.map_err(|error| FormatError::Header(format!("cannot be used: {error}")))?;
            collection.name.clone_from(&namespace.collection);
            if !namespace.kind.is_empty() {
                collection.kind = Kind::of(&namespace.kind);
            }
            collections.push(collection);
        }
        let is_oplog = |namespace: &Namespace| namespace.database.is_empty() && namespace.collection == OPLOG;
        let oplog = reader.namespaces().iter().position(is_oplog);
        Ok(Self { reader, collections, oplog, manifest })
    }

    /// How the archive was made.
    #[must_use]
    pub fn header(&self) -> &Header {
        self.reader.header()
    }

    /// What is in it, the oplog as one of no database.
    #[must_use]
    pub fn collections(&self) -> &[Collection] {
        &self.collections
    }
}
