//! Bytes and moments as text.

use backstay_core::{Clock, Random};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 256 random bits in base64url: 43 characters.
pub(crate) fn random_key(random: &dyn Random) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// 128 random bits in hexadecimal digits.
pub(crate) fn random_id(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    hex(&bytes)
}

/// A SHA-256 as hexadecimal digits, in lower case; `None` when it is none.
pub(crate) fn sha256(text: &str) -> Option<String> {
    backstay_core::FileId::from_hex(text.trim()).map(|id| id.to_hex())
}

/// Now.
pub(crate) fn now_of(clock: &dyn Clock) -> Timestamp {
    let now = clock.now();
    Timestamp::new(now.seconds, i32::try_from(now.nanos).unwrap_or(0)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// So much later; the end of time where there is none.
pub(crate) fn later(now: Timestamp, time: std::time::Duration) -> Timestamp {
    let time = jiff::SignedDuration::try_from(time).unwrap_or(jiff::SignedDuration::MAX);
    now.saturating_add(time).unwrap_or(Timestamp::MAX)
}

/// A moment as HTTP headers have it.
pub(crate) fn http_date(moment: Timestamp) -> String {
    let seconds = u64::try_from(moment.as_second()).unwrap_or(0);
    // The year 9999 is the last that the format can say.
    let time = std::time::Duration::from_secs(seconds.min(253_402_300_799));
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + time)
}
