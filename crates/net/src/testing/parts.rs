//! Uploads in parts.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{Checksum, CompletedPart, Part};
use s3s::{S3Result, s3_error};

use super::store::{Attributes, Bucket, Object, hex, now};

/// An upload that was begun.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) attributes: Attributes,
    /// The checksum that its parts have, by name.
    pub(super) algorithm: Option<String>,
    pub(super) parts: BTreeMap<i32, Piece>,
    pub(super) begun: std::time::SystemTime,
}

/// A part that arrived.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    pub(super) md5: [u8; 16],
    pub(super) checksum: Checksum,
    pub(super) arrived: std::time::SystemTime,
}

impl Piece {
    pub(super) fn new(bytes: Bytes, checksum: Checksum) -> Self {
        let md5 = Md5::checksum(&bytes);
        Self { bytes, md5, checksum, arrived: now() }
    }

    pub(super) fn etag(&self) -> String {
        hex(&self.md5)
    }

    /// It as lists tell it.
    pub(super) fn listed(&self, number: i32, knows_checksums: bool) -> Part {
        let sums = if knows_checksums { self.checksum.clone() } else { Checksum::default() };
        Part {
            part_number: Some(number),
            size: Some(i64::try_from(self.bytes.len()).unwrap()),
            e_tag: Some(s3s::dto::ETag::Strong(self.etag())),
            last_modified: Some(self.arrived.into()),
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
        }
    }
}

impl Bucket {
    pub(super) fn upload(&mut self, id: &str, key: &str) -> S3Result<&mut Upload> {
        self.uploads.get_mut(id).filter(|upload| upload.key == key).ok_or_else(|| s3_error!(NoSuchUpload))
    }
}

impl Upload {
    /// The object that these parts make.
    pub(super) fn assemble(&self, named: &[CompletedPart], least_part: usize) -> S3Result<Object> {
        if named.is_empty() {
            return Err(s3_error!(MalformedXML));
        }
        let number = |part: &CompletedPart| part.part_number.unwrap_or(0);
        if !named.is_sorted_by(|one, next| number(one) < number(next)) {
            return Err(s3_error!(InvalidPartOrder));
        }
        let (mut bytes, mut md5s, mut sums) = (BytesMut::new(), Vec::new(), Vec::new());
        for (place, part) in named.iter().enumerate() {
            let number = number(part);
            let piece = self.parts.get(&number).ok_or_else(|| s3_error!(InvalidPart))?;
            let same = |told: &Option<String>, kept: &Option<String>| told.is_none() || told == kept;
            let is_it = part.e_tag.as_ref().is_some_and(|etag| etag.value() == piece.etag())
                && same(&part.checksum_sha256, &piece.checksum.checksum_sha256)
                && same(&part.checksum_crc32, &piece.checksum.checksum_crc32)
                && same(&part.checksum_crc32c, &piece.checksum.checksum_crc32c)
                && same(&part.checksum_sha1, &piece.checksum.checksum_sha1);
            if !is_it {
                return Err(s3_error!(InvalidPart));
            }
            if place + 1 < named.len() && piece.bytes.len() < least_part {
                return Err(s3_error!(EntityTooSmall));
            }
            md5s.extend_from_slice(&piece.md5);
            sums.extend(
                piece
                    .checksum
                    .checksum_sha256
                    .as_ref()
                    .and_then(|sum| STANDARD.decode(sum).ok())
                    .unwrap_or_default(),
            );
            bytes.extend_from_slice(&piece.bytes);
        }
        let number = named.len();
        let mut object = Object::new(bytes.freeze(), self.attributes.clone());
        object.etag = format!("{}-{number}", hex(&Md5::checksum(&md5s)));
        object.parts = i32::try_from(number).ok();
        if sums.len() == number * 32 {
            let sum = STANDARD.encode(s3s::crypto::Sha256::checksum(&sums));
            object.checksum.checksum_sha256 = Some(format!("{sum}-{number}"));
        }
        Ok(object)
    }
}
