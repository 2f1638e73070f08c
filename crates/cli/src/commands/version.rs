//! `version`.

use crate::app::App;
use crate::failure::Outcome;
use crate::json::message;

/// What this program calls itself in snapshots.
pub(crate) const PROGRAM: &str = concat!("backstay ", env!("CARGO_PKG_VERSION"));

pub(super) fn run(app: &App) -> Outcome {
    let (os, architecture) = (std::env::consts::OS, architecture());
    if app.console.is_json() {
        app.console.message(&message::Version {
            message_type: "version",
            version: env!("CARGO_PKG_VERSION"),
            go_version: "",
            go_os: os,
            go_arch: architecture,
        });
    } else {
        app.console.print(format!("{PROGRAM} on {os}/{architecture}"));
    }
    Ok(())
}

/// Go's name of the processor, which readers of restic's messages know.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}
