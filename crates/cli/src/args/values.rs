//! Small values on the command line: sizes, times to wait.

use std::time::Duration;

/// A number of bytes, as `10`, `10k`, `10M`, `10G` or `10T` (powers of 1,024).
pub(super) fn size(text: &str) -> Result<u64, String> {
    crate::format::parse_bytes(text)
}

/// A time to wait, as `90s`, `5m` or `1h30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let parsed: jiff::SignedDuration =
        text.parse().map_err(|_| format!("{text:?} is no duration; write it as 90s, 5m or 1h30m"))?;
    Duration::try_from(parsed).map_err(|_| "a duration cannot be negative".to_owned())
}
