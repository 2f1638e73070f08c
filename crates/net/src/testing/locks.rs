//! Objects that cannot be deleted for a while, and objects that cannot be read at once.

use std::time::{Duration, Instant, SystemTime};

use s3s::dto::RestoreStatus;
use s3s::{S3Result, s3_error};

use super::store::{Attributes, Bucket, Object, Retention, Thaw};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How the service takes the wish to read a cold object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It begins.
    Begun,
    /// It can be read already; that lasts longer now.
    Prolonged,
}

impl Bucket {
    /// Gives a new object the lock that the bucket wants, if it has none of its own.
    pub(super) fn lock(&self, attributes: &mut Attributes) -> S3Result<()> {
        if !self.locks {
            let wants_lock = attributes.retention.is_some() || attributes.legal_hold;
            let refusal = s3_error!(InvalidRequest, "Bucket is missing Object Lock Configuration");
            return if wants_lock { Err(refusal) } else { Ok(()) };
        }
        if let (None, Some((mode, days))) = (&attributes.retention, &self.default_lock) {
            let until = SystemTime::now() + days_of(*days);
            attributes.retention = Some(Retention { mode: mode.clone(), until });
        }
        Ok(())
    }
}

impl Object {
    /// Takes the wish to read it.
    pub(super) fn restore(&mut self, days: i32, thaw_time: Duration) -> S3Result<Taken> {
        if !self.is_cold() {
            return Err(s3_error!(
                InvalidObjectState,
                "Restore is not allowed for the object's current storage class"
            ));
        }
        let days = u64::try_from(days).ok().filter(|days| *days > 0);
        let Some(days) = days else { return Err(s3_error!(MalformedXML, "there must be days")) };
        let until = SystemTime::now() + thaw_time + days_of(days);
        let now = Instant::now();
        match &mut self.thaw {
            Some(thaw) if thaw.ready > now => Err(s3_error!(RestoreAlreadyInProgress)),
            Some(thaw) if thaw.until > SystemTime::now() => {
                thaw.until = until;
                Ok(Taken::Prolonged)
            }
            thaw => {
                *thaw = Some(Thaw { ready: now + thaw_time, until });
                Ok(Taken::Begun)
            }
        }
    }

    /// What `x-amz-restore` says of it.
    pub(super) fn restore_header(&self) -> Option<String> {
        let thaw = self.thaw.filter(|_| self.is_cold())?;
        if thaw.ready > Instant::now() {
            return Some("ongoing-request=\"true\"".to_owned());
        }
        let until = httpdate::fmt_http_date(thaw.until);
        (thaw.until > SystemTime::now())
            .then(|| format!("ongoing-request=\"false\", expiry-date=\"{until}\""))
    }

    /// What lists say of it.
    pub(super) fn restore_status(&self) -> Option<RestoreStatus> {
        let thaw = self.thaw.filter(|thaw| self.is_cold() && thaw.until > SystemTime::now())?;
        let in_progress = thaw.ready > Instant::now();
        let restore_expiry_date = (!in_progress).then(|| thaw.until.into());
        Some(RestoreStatus { is_restore_in_progress: Some(in_progress), restore_expiry_date })
    }

    /// Changes the lock, where that may be done: only a lock of governance can be made shorter, by who may.
    pub(super) fn retain(&mut self, retention: Option<Retention>, bypass: bool) -> S3Result<()> {
        if let Some(old) = self.attributes.retention.as_ref().filter(|old| old.until > SystemTime::now()) {
            let governed = bypass && old.mode == "GOVERNANCE";
            let longer = retention.as_ref().is_some_and(|new| new.until >= old.until && new.mode == old.mode);
            if !longer && !governed {
                return Err(s3_error!(AccessDenied, "the lock cannot be made shorter"));
            }
        }
        self.attributes.retention = retention;
        Ok(())
    }
}

fn days_of(days: u64) -> Duration {
    DAY.saturating_mul(u32::try_from(days).unwrap_or(u32::MAX))
}
