//! A bucket of small objects as a source: a plan of `backstay up` that reads it into a repository in a folder, beside rclone, which copies
//! it to a folder.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::results::{Results, Sample};
use super::s3::S3;
use super::{OURS, RCLONE, Stage, plan_run};
use crate::bench::{measure, place};
use crate::server::Server;

/// The bucket.
pub(super) const BUCKET: &str = "objects";

/// Reads it at first, and again when nothing has changed.
pub(super) fn copy(
    stage: &Stage<'_>,
    s3: &mut S3,
    server: &Server<'_>,
    rclone: &Path,
    objects: u64,
    round: u32,
    results: &mut Results,
) -> Result<()> {
    let works = ["bucket, first", "bucket, unchanged"];
    let name = format!("bucket {round}");
    let repository = stage.folder.join("bucket-repository");
    place::empty(&repository)?;
    let (key, secret) = s3.key()?;
    let settings = json!({
        "type": "s3", "endpoint": s3.url()?, "bucket": BUCKET, "access_key": key, "secret_key": secret, "allow_private": true,
    });
    let bucket = server.make("connections", &json!({"name": name, "settings": settings}))?;
    server.plan(&name, &json!({"type": "s3", "connection": bucket["id"]}), &repository)?;
    for work in works {
        s3.counts()?;
        let sample = plan_run(server, work, &name, round)?;
        results.add(sample.requests(s3.counts()?));
    }
    place::empty(&repository)?;

    let to = stage.folder.join("bucket-copy");
    place::empty(&to)?;
    for work in works {
        let (key, secret) = s3.key()?;
        let mut command = Command::new(rclone);
        command.env_clear().env("LANG", "C.UTF-8").env("HOME", stage.folder).current_dir(stage.folder);
        command.env("RCLONE_S3_PROVIDER", "Other").env("RCLONE_S3_ENDPOINT", s3.url()?);
        command.env("RCLONE_S3_ACCESS_KEY_ID", key).env("RCLONE_S3_SECRET_ACCESS_KEY", secret);
        command.args(["--config", "", "copy", &format!(":s3:{BUCKET}")]).arg(&to);
        s3.counts()?;
        let cost = measure::run(vec![command], &stage.folder.join("log"))?;
        results.add(Sample::new(work, RCLONE, round, cost.wall).cost(&cost).requests(s3.counts()?));
    }
    let (copied, _) = place::size(&to)?;
    ensure!(
        copied == objects,
        "rclone copied {copied} of {objects} objects, {OURS} is compared with nothing"
    );
    place::empty(&to).context("cannot remove what was copied")
}
