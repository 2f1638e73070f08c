//! Archives that nobody should have written.

use std::io::{Cursor, Write as _};

use bson::{Document, doc};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

type Result<T> = std::result::Result<T, FormatError>;

const END: [u8; 4] = [0xff; 4];

fn named(collection: &str) -> Namespace {
    let text = |text: &str| text.to_owned();
    Namespace {
        database: text("db"),
        collection: text(collection),
        metadata: String::new(),
        kind: String::new(),
    }
}

/// An archive of two collections whose blocks mix, and an empty one.
fn archive() -> Vec<u8> {
    let of = |collection| Begin { database: "db", collection };
    let documents =
        |from: i32| (from..from + 3).flat_map(|n| doc! { "_id": n }.to_vec().unwrap()).collect::<Vec<u8>>();
    let block = |collection, documents: &[u8]| [&begin(of(collection)).unwrap(), documents, &END].concat();
    let sum = |documents: &[u8]| {
        let mut sum = Crc::default();
        sum.add(documents);
        sum
    };
    let header = Header { concurrent: 2, server_version: "8.0".into(), tool_version: "100".into() };
    let (first, last, other) = (documents(0), documents(3), documents(100));
    [
        prelude(&header, &["a", "b", "none"].map(named)).unwrap(),
        block("a", &first),
        block("b", &other),
        end(of("none"), false, Crc::default()).unwrap(),
        begin(of("a")).unwrap(),
        last.clone(),
        end(of("a"), true, sum(&[first, last].concat())).unwrap(),
        end(of("b"), false, sum(&other)).unwrap(),
    ]
    .concat()
}

fn read(archive: &[u8]) -> Result<Vec<(usize, usize)>> {
    let mut reader = Reader::new(Cursor::new(archive))?;
    let mut counts = vec![(0, 0); reader.namespaces().len()];
    while let Some(event) = reader.next_event()? {
        match event {
            Event::Document(number, _) => counts[number].0 += 1,
            Event::End(number) => counts[number].1 += 1,
        }
    }
    Ok(counts)
}

/// Puts an archive together from documents, with terminators where there is none.
fn assembled(parts: &[Option<Document>]) -> Vec<u8> {
    let mut archive = MAGIC.to_vec();
    for part in parts {
        match part {
            Some(document) => archive.extend(document.to_vec().unwrap()),
            None => archive.extend(END),
        }
    }
    archive
}

fn header() -> Document {
    doc! { "concurrent_collections": 1, "version": "0.1", "server_version": "8", "tool_version": "100" }
}

fn namespace() -> Document {
    doc! { "db": "db", "collection": "a", "metadata": "", "size": 0, "type": "" }
}

fn block(is_end: bool, crc: i64) -> Document {
    doc! { "db": "db", "collection": "a", "EOF": is_end, "CRC": crc }
}

#[test]
fn blocks_that_mix_are_told_apart() {
    assert_eq!(read(&archive()).unwrap(), [(6, 1), (3, 1), (0, 1)]);
    let small = assembled(&[Some(header()), Some(namespace()), None, Some(block(true, 0)), None]);
    assert_eq!(read(&small).unwrap(), [(0, 1)]);
    assert_eq!(read(&assembled(&[Some(header()), None])).unwrap(), []);
}

#[test]
fn an_archive_that_ends_anywhere_is_not_taken_for_whole() {
    let whole = archive();
    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "{length} of {}", whole.len());
    }
}

#[test]
fn a_bit_that_flips_in_a_document_is_found() {
    let whole = archive();
    let at = whole.windows(4).rposition(|window| window == b"_id\0").unwrap() + 4;
    let mut changed = whole.clone();
    changed[at] ^= 1;
    assert!(matches!(read(&changed), Err(FormatError::Checksum(name)) if name == "db.a"));
}

#[test]
fn what_does_not_belong_is_told() {
    let cases: [(Vec<u8>, &str); 14] = [
        (b"PK\x03\x04".to_vec(), "no archive of mongodump"),
        (Vec::new(), "ends in the middle"),
        (assembled(&[None]), "is missing"),
        (assembled(&[Some(doc! { "version": "0.2" })]), "version \"0.2\""),
        (assembled(&[Some(doc! { "version": "0.1", "more": 1 })]), "the key \"more\""),
        (assembled(&[Some(header()), Some(doc! { "db": "db", "what": 1 })]), "the key \"what\""),
        (assembled(&[Some(header()), Some(doc! { "db": "db" })]), "lacks a key"),
        (assembled(&[Some(header()), Some(namespace()), Some(namespace())]), "db.a twice"),
        (assembled(&[Some(header()), None, Some(block(false, 0))]), "does not announce"),
        (
            assembled(&[Some(header()), Some(namespace()), None, Some(doc! { "db": "db", "CRC": "0" })]),
            "the key \"CRC\"",
        ),
        (assembled(&[Some(header()), Some(namespace()), None, Some(doc! { "db": "db" })]), "lacks a key"),
        (
            assembled(&[Some(header()), Some(namespace()), None, Some(block(true, 1)), None]),
            "checksum of db.a",
        ),
        (
            assembled(&[
                Some(header()),
                Some(namespace()),
                None,
                Some(block(true, 0)),
                None,
                Some(block(false, 0)),
            ]),
            "has ended",
        ),
        (
            assembled(&[Some(header()), Some(namespace()), None, Some(block(true, 0)), Some(doc! {})]),
            "does not announce",
        ),
    ];
    for (archive, says) in cases {
        let error = read(&archive).unwrap_err().to_string();
        assert!(error.contains(says), "{error} does not say {says}");
    }
}

#[test]
fn lengths_that_cannot_be_are_not_believed() {
    let begin = assembled(&[Some(header()), Some(namespace()), None, Some(block(false, 0))]);
    for length in [0_u32, 4, (16 << 20) + (16 << 10) + 1, i32::MAX as u32, 0x8000_0000, 0xffff_fffe] {
        let archive = [&begin[..], &length.to_le_bytes(), &[0; 64]].concat();
        assert!(matches!(read(&archive), Err(FormatError::Length { .. })), "{length}");
    }
    // A length that may be, of a document that is none.
    let archive = [&begin[..], &8_u32.to_le_bytes(), &[1, 2, 3, 0]].concat();
    assert!(matches!(read(&archive), Err(FormatError::Document { .. })));
    let archive = [&begin[..], &(16_u32 << 20).to_le_bytes(), &[0; 64]].concat();
    assert!(matches!(read(&archive), Err(FormatError::Io(_))));
}

#[test]
fn a_prelude_that_would_fill_the_memory_is_refused() {
    let numbered = |number: usize| named(&number.to_string());
    let of = |count: usize| (0..count).map(numbered).collect::<Vec<_>>();
    let most = of(MOST_NAMESPACES);
    let mut fits = prelude(&Header::default(), &most).unwrap();
    assert_eq!(Reader::new(Cursor::new(&fits)).unwrap().namespaces().len(), MOST_NAMESPACES);
    assert!(prelude(&Header::default(), &of(MOST_NAMESPACES + 1)).is_err());
    fits.truncate(fits.len() - END.len());
    let another = doc! { "db": "db", "collection": "another" }.to_vec().unwrap();
    let more = [&fits[..], &another, &END].concat();
    let refused = Reader::new(Cursor::new(more)).map(drop).unwrap_err().to_string();
    assert!(refused.contains("announces more than"), "{refused}");

    // Few, but long ones, which a stream of gzip has in some kilobytes.
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&assembled(&[Some(header())])).unwrap();
    let metadata = " ".repeat(15 << 20);
    for number in 0..9 {
        let long = doc! { "db": "db", "collection": number.to_string(), "metadata": &metadata };
        packed.write_all(&long.to_vec().unwrap()).unwrap();
    }
    packed.write_all(&END).unwrap();
    let refused = open(Cursor::new(packed.finish().unwrap())).map(drop).unwrap_err().to_string();
    assert!(refused.contains("announces more than"), "{refused}");
}

#[test]
fn several_members_of_gzip_are_one_archive() {
    let whole = archive();
    let mut zipped = Vec::new();
    for piece in whole.chunks(37) {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(piece).unwrap();
        zipped.extend(encoder.finish().unwrap());
    }
    assert_eq!(open(Cursor::new(zipped.clone())).unwrap().namespaces().len(), 3);
    zipped.truncate(zipped.len() - 40);
    let mut reader = open(Cursor::new(zipped)).unwrap();
    let end = loop {
        match reader.next_event() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a part of it is whole"),
            Err(error) => break error,
        }
    };
    assert!(matches!(end, FormatError::Io(_) | FormatError::Unfinished(_)), "{end}");
    assert!(open(Cursor::new(b"\x1f\x8b\x08 and nothing of gzip".to_vec())).is_err());
}

proptest! {
    #[test]
    fn nothing_that_is_read_makes_it_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut in any::<prop::sample::Index>()) {
        let mut archive = archive();
        for (at, value) in changes {
            let at = at.index(archive.len());
            archive[at] = value;
        }
        archive.truncate(cut.index(archive.len()) + 1);
        let _ = read(&archive);
        let _ = open(Cursor::new(archive));
    }
}
