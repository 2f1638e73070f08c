//! What `mongodump` itself wrote, against what is written here.

use std::io::{Cursor, Read as _};

use bson::Document;
use flate2::read::MultiGzDecoder;

use super::*;

const RECORDED: &[u8] = include_bytes!("../recorded/mongodump-100.18.0.archive.gz");

fn recorded() -> Vec<u8> {
    let mut archive = Vec::new();
    let _ = MultiGzDecoder::new(RECORDED).read_to_end(&mut archive).unwrap();
    archive
}

/// Takes documents until the terminator behind them.
fn until_terminator(rest: &mut &[u8]) -> Vec<Document> {
    let mut documents = Vec::new();
    while !rest.starts_with(&[0xff; 4]) {
        documents.push(Document::from_reader(&mut *rest).unwrap());
    }
    *rest = &rest[4..];
    documents
}

/// The keys and types of a document.
fn shape(document: &Document) -> Vec<(&str, bson::spec::ElementType)> {
    document.iter().map(|(key, value)| (key.as_str(), value.element_type())).collect()
}

#[test]
fn the_recorded_archive_is_read_to_its_end() {
    let mut reader = open(Cursor::new(RECORDED)).unwrap();
    assert_eq!(
        (&*reader.header().tool_version, &*reader.header().server_version),
        ("built-without-version-string", "8.2.11")
    );
    let namespaces: Vec<_> = reader.namespaces().iter().cloned().collect();
    let (mut documents, mut ends) = (vec![0; namespaces.len()], 0);
    while let Some(event) = reader.next_event().unwrap() {
        match event {
            Event::Document(number, _) => documents[number] += 1,
            Event::End(_) => ends += 1,
        }
    }
    assert_eq!(ends, namespaces.len());
    let of =
        |name: &str| documents[namespaces.iter().position(|namespace| namespace.collection == name).unwrap()];
    let counted = ["orders", "types", "log", "odd/name ü", "posts", "empty", "few", "late"].map(of);
    assert_eq!(counted, [60, 3, 5, 1, 1, 0, 0, 18]);
    assert_eq!(of(OPLOG), 14);
}

#[test]
fn what_is_written_here_is_byte_for_byte_what_mongodump_wrote() {
    let archive = recorded();
    let mut rest = archive.strip_prefix(&MAGIC).unwrap();
    let announced = until_terminator(&mut rest);
    let reader = Reader::new(Cursor::new(&archive)).unwrap();
    let ours = prelude(reader.header(), reader.namespaces().iter()).unwrap();
    let mut ours = ours.strip_prefix(&MAGIC).unwrap();
    for (ours, theirs) in until_terminator(&mut ours).into_iter().zip(&announced) {
        let mut theirs = theirs.clone();
        assert_eq!(shape(&ours), shape(&theirs));
        if let Some(size) = theirs.get_mut("size") {
            *size = 0.into();
        }
        assert_eq!(ours, theirs);
    }

    let body = rest;
    let mut written = Vec::new();
    let mut sums: std::collections::HashMap<(String, String), Crc> = std::collections::HashMap::new();
    while !rest.is_empty() {
        let header = Document::from_reader(&mut rest).unwrap();
        let text = |key: &str| header.get_str(key).unwrap().to_owned();
        let names = (text("db"), text("collection"));
        let of = Begin { database: &names.0, collection: &names.1 };
        let sum = sums.entry(names.clone()).or_default();
        let documents = until_terminator(&mut rest);
        if header.get_bool("EOF").unwrap() {
            written.extend(end(of, false, *sum).unwrap());
            continue;
        }
        written.extend(begin(of).unwrap());
        for document in documents {
            let bytes = document.to_vec().unwrap();
            sum.add(&bytes);
            written.extend(bytes);
        }
        written.extend([0xff; 4]);
    }
    assert!(written == body, "{} bytes, and {}", written.len(), body.len());
}
