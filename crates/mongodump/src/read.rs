//! Reading an archive that anybody may have written.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use bson::{RawBsonRef, RawDocument};
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::crc::Crc;
use crate::{
    BUCKETS, LARGEST, LARGEST_PRELUDE, MAGIC, MOST_NAMESPACES, SMALLEST, TERMINATOR, TIME_SERIES, TOO_MANY,
    VERSION,
};

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It does not begin as one.
    #[error("this is no archive of mongodump: it begins with {0:#010x}")]
    Magic(u32),
    /// Its format is another one.
    #[error("the archive has version {0:?}, and only {VERSION:?} is known")]
    Version(String),
    /// It ends too early, or cannot be read.
    #[error("{}", if .0.kind() == io::ErrorKind::UnexpectedEof { "the archive ends in the middle".to_owned() } else { .0.to_string() })]
    Io(#[from] io::Error),
    /// A document has a length that none can have.
    #[error(
        "a document of {length} bytes is said to follow {after}; documents have {SMALLEST} to {LARGEST} bytes"
    )]
    Length {
        /// What it says.
        length: u32,
        /// Where.
        after: String,
    },
    /// A document is none.
    #[error("a document of {of} is damaged: {cause}")]
    Document {
        /// What it belongs to.
        of: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A header has a key that is not known, or lacks one.
    #[error("a header of the archive {0}")]
    Header(String),
    /// A block belongs to no namespace of the prelude, or one that has ended.
    #[error("the archive has a block of {0}, which it does not announce or which has ended")]
    Stray(String),
    /// Documents are not those that were written.
    #[error("the checksum of {0} does not fit its documents")]
    Checksum(String),
    /// The archive ends before these do.
    #[error("the archive ends before {0} does")]
    Unfinished(String),
}

/// How the archive was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// How many collections were written at once.
    pub concurrent: i32,
    /// The server's version.
    pub server_version: String,
    /// The writing program's version.
    pub tool_version: String,
}

/// What the prelude announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Its database; empty for the oplog.
    pub database: String,
    /// Its collection.
    pub collection: String,
    /// Canonical Extended JSON.
    pub metadata: String,
    /// Empty for a collection, `view`, `timeseries`.
    pub kind: String,
}

impl Namespace {
    /// The collection that has its documents.
    #[must_use]
    pub fn stored_as(&self) -> String {
        if self.kind == TIME_SERIES {
            format!("{BUCKETS}{}", self.collection)
        } else {
            self.collection.clone()
        }
    }
}

/// What comes next in an archive.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A document of a namespace, by its number in the order of [`Reader::namespaces`].
    Document(usize, &'a [u8]),
    /// The end of a namespace; its documents were those that were written.
    End(usize),
}

/// Reads an archive piece by piece. It holds one document at a time.
pub struct Reader<R> {
    input: R,
    header: Header,
    namespaces: Arc<[Namespace]>,
    /// Their numbers by what blocks call them.
    numbers: HashMap<Key, usize>,
    open: BTreeMap<usize, Crc>,
    current: Option<Block>,
    document: Vec<u8>,
}

/// What stands for the names of a namespace, however long they are.
type Key = [u8; 32];

/// The block that has begun.
struct Block {
    number: usize,
    /// What messages call its namespace.
    name: Arc<str>,
}

type Result<T> = std::result::Result<T, FormatError>;

/// Opens an archive; whether it is compressed is seen.
///
/// # Errors
/// When it is no archive.
pub fn open(input: impl Read + Send + 'static) -> Result<Reader<Box<dyn Read + Send>>> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    let input: Box<dyn Read + Send> = if input.fill_buf()?.starts_with(&GZIP) {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(input)))
    } else {
        Box::new(input)
    };
    Reader::new(input)
}

/// What a stream of gzip begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Archives are read in pieces of this size.
const BUFFER: usize = 256 << 10;

impl<R: Read> Reader<R> {
    /// Reads the prelude of a stream that is not compressed.
    ///
    /// # Errors
    /// When it is no prelude.
    pub fn new(mut input: R) -> Result<Self> {
        let mut magic = [0; 4];
        input.read_exact(&mut magic)?;
        if magic != MAGIC {
            return Err(FormatError::Magic(u32::from_le_bytes(magic)));
        }
        let mut reader = Self {
            input,
            header: Header::default(),
            namespaces: Arc::default(),
            numbers: HashMap::new(),
            open: BTreeMap::new(),
            current: None,
            document: Vec::new(),
        };
        if !reader.fill("the magic number")? {
            return Err(FormatError::Header("is missing".to_owned()));
        }
        reader.read_header()?;
        let mut namespaces = Vec::new();
        let mut total = 0;
        while reader.fill("the prelude")? {
            total += reader.document.len();
            if total > LARGEST_PRELUDE || namespaces.len() == MOST_NAMESPACES {
                return Err(FormatError::Header(TOO_MANY.to_owned()));
            }
            let namespace = reader.read_namespace()?;
            let number = namespaces.len();
            let (database, collection) = (&namespace.database, namespace.stored_as());
            if reader.numbers.insert(key(database, &collection), number).is_some() {
                let name = full_name(database, &collection);
                return Err(FormatError::Header(format!("announces {name} twice")));
            }
            namespaces.push(namespace);
            reader.open.insert(number, Crc::default());
        }
        reader.namespaces = namespaces.into();
        Ok(reader)
    }

    /// How the archive was made.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// What is in it.
    pub const fn namespaces(&self) -> &Arc<[Namespace]> {
        &self.namespaces
    }

    /// What comes next; nothing at the end, when each namespace had its own.
    ///
    /// # Errors
    /// When the archive is damaged. Nothing more can be read then.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>> {
        loop {
            let Some(Block { number, name }) = &self.current else {
                if !self.begin_block()? {
                    return Ok(None);
                }
                if let Some(Block { number, name }) =
                    self.current.take_if(|block| !self.open.contains_key(&block.number))
                {
                    // An end: nothing but the terminator follows.
                    if self.fill(&name)? {
                        return Err(FormatError::Stray(name.to_string()));
                    }
                    return Ok(Some(Event::End(number)));
                }
                continue;
            };
            let (number, name) = (*number, Arc::clone(name));
            if !self.fill(&name)? {
                self.current = None;
                continue;
            }
            check(&self.document, &name)?;
            if let Some(crc) = self.open.get_mut(&number) {
                crc.add(&self.document);
            }
            return Ok(Some(Event::Document(number, &self.document)));
        }
    }

    /// Reads the header of a block; false at the end of the archive.
    fn begin_block(&mut self) -> Result<bool> {
        let mut first = [0; 1];
        let is_end = loop {
            match self.input.read(&mut first) {
                Ok(read) => break read == 0,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        };
        if is_end {
            return match self.open.keys().next() {
                None => Ok(false),
                Some(&number) => Err(FormatError::Unfinished(self.name_of(number))),
            };
        }
        let [first] = first;
        let mut rest = [0; 3];
        self.input.read_exact(&mut rest)?;
        let [second, third, fourth] = rest;
        let length = u32::from_le_bytes([first, second, third, fourth]);
        if !self.fill_rest(length, "a block")? {
            return Err(FormatError::Header("of a block is missing".to_owned()));
        }
        let (mut database, mut collection, mut is_end, mut crc) = (None, None, None, None);
        each(&self.document, |key, value| {
            match (key, value) {
                ("db", RawBsonRef::String(text)) => database = Some(text.to_owned()),
                ("collection", RawBsonRef::String(text)) => collection = Some(text.to_owned()),
                ("EOF", RawBsonRef::Boolean(value)) => is_end = Some(value),
                ("CRC", RawBsonRef::Int64(value)) => crc = Some(value),
                _ => return false,
            }
            true
        })?;
        let (Some(database), Some(collection), Some(is_end), Some(crc)) = (database, collection, is_end, crc)
        else {
            return Err(FormatError::Header("of a block lacks a key".to_owned()));
        };
        let known = self.numbers.get(&key(&database, &collection)).copied();
        let name = full_name(&database, &collection);
        let Some(number) = known.filter(|number| self.open.contains_key(number)) else {
            return Err(FormatError::Stray(name));
        };
        if is_end {
            let sum = self.open.remove(&number).unwrap_or_default();
            if sum.signed() != crc {
                return Err(FormatError::Checksum(name));
            }
        }
        self.current = Some(Block { number, name: name.into() });
        Ok(true)
    }

    /// Reads a document; false for the terminator.
    fn fill(&mut self, after: &str) -> Result<bool> {
        let mut length = [0; 4];
        self.input.read_exact(&mut length)?;
        self.fill_rest(u32::from_le_bytes(length), after)
    }

    fn fill_rest(&mut self, length: u32, after: &str) -> Result<bool> {
        if length == TERMINATOR {
            return Ok(false);
        }
        let size = length as usize;
        if !(SMALLEST..=LARGEST).contains(&size) {
            return Err(FormatError::Length { length, after: after.to_owned() });
        }
        self.document.clear();
        self.document.extend_from_slice(&length.to_le_bytes());
        // As much is kept as there is, whatever the length says.
        let read = (&mut self.input).take(size as u64 - 4).read_to_end(&mut self.document)?;
        if read != size - 4 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(true)
    }

    fn read_header(&mut self) -> Result<()> {
        let mut header = Header::default();
        let mut version = String::new();
        each(&self.document, |key, value| {
            match (key, value) {
                ("concurrent_collections", RawBsonRef::Int32(value)) => header.concurrent = value,
                ("version", RawBsonRef::String(text)) => version = text.to_owned(),
                ("server_version", RawBsonRef::String(text)) => header.server_version = text.to_owned(),
                ("tool_version", RawBsonRef::String(text)) => header.tool_version = text.to_owned(),
                _ => return false,
            }
            true
        })?;
        if version != VERSION {
            return Err(FormatError::Version(version));
        }
        self.header = header;
        Ok(())
    }

    fn read_namespace(&self) -> Result<Namespace> {
        let (mut database, mut collection, mut metadata, mut kind) =
            (None, None, String::new(), String::new());
        each(&self.document, |key, value| {
            match (key, value) {
                ("db", RawBsonRef::String(text)) => database = Some(text.to_owned()),
                ("collection", RawBsonRef::String(text)) => collection = Some(text.to_owned()),
                ("metadata", RawBsonRef::String(text)) => metadata = text.to_owned(),
                ("type", RawBsonRef::String(text)) => kind = text.to_owned(),
                // Nothing depends on it.
                ("size", RawBsonRef::Int32(_) | RawBsonRef::Int64(_)) => {}
                _ => return false,
            }
            true
        })?;
        match (database, collection) {
            (Some(database), Some(collection)) => Ok(Namespace { database, collection, metadata, kind }),
            _ => Err(FormatError::Header("of a namespace lacks a key".to_owned())),
        }
    }

    fn name_of(&self, number: usize) -> String {
        let of = self.namespaces.get(number);
        of.map(|of| full_name(&of.database, &of.stored_as())).unwrap_or_default()
    }
}

fn full_name(database: &str, collection: &str) -> String {
    if database.is_empty() { collection.to_owned() } else { format!("{database}.{collection}") }
}

fn key(database: &str, collection: &str) -> Key {
    let length = (database.len() as u64).to_le_bytes();
    Sha256::new().chain_update(length).chain_update(database).chain_update(collection).finalize().into()
}

/// Goes through a header; a key that is not taken is an error.
fn each<'a>(document: &'a [u8], mut take: impl FnMut(&'a str, RawBsonRef<'a>) -> bool) -> Result<()> {
    let damaged = |cause: bson::error::Error| FormatError::Document {
        of: "the archive's own".to_owned(),
        cause: cause.to_string(),
    };
    let mut seen = HashSet::new();
    for element in RawDocument::from_bytes(document).map_err(damaged)? {
        let (key, value) = element.map_err(damaged)?;
        let key = key.as_str();
        if !seen.insert(key) || !take(key, value) {
            let key: String = key.chars().take(40).collect();
            return Err(FormatError::Header(format!("has the key {key:?}, which does not belong there")));
        }
    }
    Ok(())
}

/// Whether the bytes are one document as far as its own structure goes.
///
/// # Errors
/// When they are not.
pub fn check(document: &[u8], of: &str) -> Result<()> {
    let damaged = |cause: String| FormatError::Document { of: of.to_owned(), cause };
    let raw = RawDocument::from_bytes(document).map_err(|error| damaged(error.to_string()))?;
    for element in raw.iter_elements() {
        let _ = element.map_err(|error| damaged(error.to_string()))?;
    }
    Ok(())
}
