//! Between what is kept and what the protocol says.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::BodyExt;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::*;
use s3s::{Body, S3Error, S3ErrorCode, S3Result, s3_error};

use super::behaviour::End;
use super::store::{self, Attributes};

/// The attributes that a request gives an object; copies, writes and uploads in parts name them alike.
macro_rules! attributes {
    ($input:expr) => {{
        let retention = match (&$input.object_lock_mode, &$input.object_lock_retain_until_date) {
            (Some(mode), Some(until)) => {
                let until = crate::testing::answers::system_time(until);
                Some(crate::testing::store::Retention { mode: mode.as_str().to_owned(), until })
            }
            _ => None,
        };
        crate::testing::store::Attributes {
            content_type: $input.content_type.as_ref().map(ToString::to_string),
            cache_control: $input.cache_control.clone(),
            content_encoding: crate::testing::answers::content_encoding($input.content_encoding.as_deref()),
            content_disposition: $input.content_disposition.clone(),
            content_language: $input.content_language.clone(),
            redirect: $input.website_redirect_location.clone(),
            metadata: $input
                .metadata
                .iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            tags: crate::testing::answers::tags_of($input.tagging.as_deref())?,
            storage_class: $input.storage_class.as_ref().map(|class| class.as_str().to_owned()),
            retention,
            legal_hold: $input
                .object_lock_legal_hold_status
                .as_ref()
                .is_some_and(|hold| hold.as_str() == "ON"),
            encryption: crate::testing::answers::encryption(
                $input.server_side_encryption.as_ref().map(ServerSideEncryption::as_str),
                $input.ssekms_key_id.as_deref(),
                $input.sse_customer_key_md5.as_deref(),
            )?,
        }
    }};
}

/// What an answer says of an object, whether its content is in it or not.
macro_rules! answer {
    ($Output:ident, $object:expr, $length:expr, $knows_checksums:expr) => {{
        let (object, attributes) = (&$object, &$object.attributes);
        let sums = if $knows_checksums { object.checksum.clone() } else { Checksum::default() };
        let (mode, until) = match &attributes.retention {
            Some(retention) => (Some(retention.mode.clone().into()), Some(retention.until.into())),
            None => (None, None),
        };
        let class = object.storage_class();
        $Output {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: attributes.cache_control.clone(),
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            content_disposition: attributes.content_disposition.clone(),
            content_encoding: attributes.content_encoding.clone(),
            content_language: attributes.content_language.clone(),
            content_length: Some(i64::try_from($length).unwrap()),
            content_type: Some(
                attributes
                    .content_type
                    .as_deref()
                    .unwrap_or("binary/octet-stream")
                    .parse()
                    .map_err(|_| s3_error!(InternalError, "the content type cannot be sent"))?,
            ),
            e_tag: Some(ETag::Strong(object.etag.clone())),
            last_modified: Some(object.modified.into()),
            metadata: (!attributes.metadata.is_empty())
                .then(|| attributes.metadata.clone().into_iter().collect()),
            object_lock_legal_hold_status: attributes.legal_hold.then(|| "ON".to_owned().into()),
            object_lock_mode: mode,
            object_lock_retain_until_date: until,
            parts_count: None,
            restore: object.restore_header(),
            sse_customer_algorithm: customer_key(attributes).map(|_| "AES256".to_owned()),
            sse_customer_key_md5: customer_key(attributes),
            ssekms_key_id: kms_key(attributes),
            server_side_encryption: service_encryption(attributes),
            storage_class: (class != "STANDARD").then(|| class.to_owned().into()),
            version_id: (object.version != crate::testing::store::NULL).then(|| object.version.clone()),
            website_redirect_location: attributes.redirect.clone(),
            ..Default::default()
        }
    }};
}

pub(super) use {answer, attributes};

pub(super) fn service_encryption(attributes: &Attributes) -> Option<ServerSideEncryption> {
    match attributes.encryption.as_ref()? {
        store::Encryption::Aes256 => Some(ServerSideEncryption::from_static("AES256")),
        store::Encryption::Kms(_) => Some(ServerSideEncryption::from_static("aws:kms")),
        store::Encryption::Customer(_) => None,
    }
}

pub(super) fn kms_key(attributes: &Attributes) -> Option<String> {
    match attributes.encryption.as_ref()? {
        store::Encryption::Kms(key) => Some(key.clone().unwrap_or_else(|| "alias/aws/s3".to_owned())),
        _ => None,
    }
}

pub(super) fn customer_key(attributes: &Attributes) -> Option<String> {
    match attributes.encryption.as_ref()? {
        store::Encryption::Customer(md5) => Some(md5.clone()),
        _ => None,
    }
}

/// Refuses what does not show the client's key of an object that is encrypted with it.
pub(super) fn check_customer_key(attributes: &Attributes, shown: Option<&str>) -> S3Result<()> {
    match (customer_key(attributes), shown) {
        (None, None) => Ok(()),
        (Some(key), Some(shown)) if key == shown => Ok(()),
        (Some(_), Some(_)) => Err(s3_error!(AccessDenied, "another key encrypts the object")),
        _ => Err(s3_error!(InvalidRequest, "The object was stored using a form of Server Side Encryption.")),
    }
}

pub(super) fn encryption(
    service: Option<&str>,
    key: Option<&str>,
    customer: Option<&str>,
) -> S3Result<Option<store::Encryption>> {
    match (service, customer) {
        (None, None) => Ok(None),
        (None, Some(md5)) => Ok(Some(store::Encryption::Customer(md5.to_owned()))),
        (Some("AES256"), None) if key.is_none() => Ok(Some(store::Encryption::Aes256)),
        (Some("aws:kms"), None) => Ok(Some(store::Encryption::Kms(key.map(str::to_owned)))),
        _ => Err(s3_error!(InvalidArgument, "this encryption is not known")),
    }
}

/// `aws-chunked` says how the request was sent, and is not kept.
pub(super) fn content_encoding(told: Option<&str>) -> Option<String> {
    let kept: Vec<_> =
        told?.split(',').map(str::trim).filter(|word| *word != "aws-chunked" && !word.is_empty()).collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// Tags as the header has them.
pub(super) fn tags_of(header: Option<&str>) -> S3Result<BTreeMap<String, String>> {
    let pairs = url::form_urlencoded::parse(header.unwrap_or_default().as_bytes());
    checked_tags(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
}

/// Tags, if the service takes them.
pub(super) fn checked_tags(tags: Vec<(String, String)>) -> S3Result<BTreeMap<String, String>> {
    let number = tags.len();
    let tags: BTreeMap<_, _> = tags.into_iter().collect();
    let fine = |(name, value): (&String, &String)| {
        (1..=128).contains(&name.chars().count()) && value.chars().count() <= 256
    };
    let fits = number == tags.len() && number <= 10 && tags.iter().all(fine);
    if fits { Ok(tags) } else { Err(s3_error!(InvalidTag)) }
}

pub(super) fn system_time(time: &Timestamp) -> SystemTime {
    let mut text = Vec::new();
    time.format(TimestampFormat::EpochSeconds, &mut text).unwrap();
    let seconds: f64 = String::from_utf8(text).unwrap().parse().unwrap();
    UNIX_EPOCH + Duration::from_secs_f64(seconds.max(0.0))
}

/// All of a request's content. One that is not what its signature says fails here.
pub(super) async fn content(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let Some(body) = body else { return Ok(Bytes::new()) };
    let wrong = |_| S3Error::new(S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into()));
    Ok(Body::from(body).collect().await.map_err(wrong)?.to_bytes())
}

/// Compares the checksums that were told with the content, and gives them. `algorithm` is one that is wanted whether told or not.
pub(super) fn checked(
    bytes: &[u8],
    md5: Option<&str>,
    told: Checksum,
    algorithm: Option<&ChecksumAlgorithm>,
) -> S3Result<Checksum> {
    if md5.is_some_and(|md5| md5 != STANDARD.encode(Md5::checksum(bytes))) {
        return Err(s3_error!(BadDigest));
    }
    let wants = |name: &str| algorithm.is_some_and(|algorithm| algorithm.as_str() == name);
    let mut hasher = ChecksumHasher {
        crc32: (told.checksum_crc32.is_some() || wants("CRC32")).then(Crc32::new),
        crc32c: (told.checksum_crc32c.is_some() || wants("CRC32C")).then(Crc32c::new),
        sha1: (told.checksum_sha1.is_some() || wants("SHA1")).then(Sha1::new),
        sha256: (told.checksum_sha256.is_some() || wants("SHA256")).then(Sha256::new),
        crc64nvme: (told.checksum_crc64nvme.is_some() || wants("CRC64NVME")).then(Crc64Nvme::new),
    };
    hasher.update(bytes);
    let sums = hasher.finalize();
    let same = |told: &Option<String>, sum: &Option<String>| told.is_none() || told == sum;
    let fine = same(&told.checksum_crc32, &sums.checksum_crc32)
        && same(&told.checksum_crc32c, &sums.checksum_crc32c)
        && same(&told.checksum_sha1, &sums.checksum_sha1)
        && same(&told.checksum_sha256, &sums.checksum_sha256)
        && same(&told.checksum_crc64nvme, &sums.checksum_crc64nvme);
    if fine { Ok(sums) } else { Err(s3_error!(BadDigest)) }
}

/// What has been sent is with the other side after so long.
const ARRIVAL: Duration = Duration::from_millis(50);

/// The content of an answer: at this speed, and ended before its time where that is wanted.
pub(super) fn body(bytes: Bytes, bytes_per_second: Option<u64>, end: Option<(usize, End)>) -> StreamingBlob {
    let cut = end.map(|(after, _)| after);
    let Some(piece) =
        bytes_per_second.map_or(cut.map(|_| 64 << 10), |speed| Some((speed / 20).clamp(1, 64 << 10)))
    else {
        return StreamingBlob::from(Body::from(bytes));
    };
    let piece = usize::try_from(piece).unwrap();
    let start = tokio::time::Instant::now();
    let pieces = futures_util::stream::unfold((0, bytes), move |(sent, mut rest)| async move {
        if cut.is_some_and(|cut| sent >= cut) {
            // What was sent is to arrive.
            tokio::time::sleep(ARRIVAL).await;
            if end.is_some_and(|(_, end)| end == End::Silent) {
                std::future::pending::<()>().await;
            }
            let broken = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "a test wants it so");
            return Some((Err(broken), (0, Bytes::new())));
        }
        if rest.is_empty() {
            return None;
        }
        let most = cut.map_or(usize::MAX, |cut| cut - sent).min(piece).min(rest.len());
        let next = rest.split_to(most);
        let sent = sent + next.len();
        if let Some(speed) = bytes_per_second {
            tokio::time::sleep_until(start + time_for(sent, speed)).await;
        }
        Some((Ok(next), (sent, rest)))
    });
    StreamingBlob::wrap(pieces)
}

/// How long so many bytes take.
pub(super) fn time_for(bytes: usize, bytes_per_second: u64) -> Duration {
    Duration::from_secs_f64(bytes as f64 / bytes_per_second.max(1) as f64)
}
