//! Recipients and identities: from flags, files and the environment.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use backstay_archive::crypt::{Identities, KeyPair, Recipients};
use serde_json::json;
use zeroize::Zeroizing;

use crate::app::App;
use crate::args::{Encryption, Identity, Keygen};
use crate::environment::variable;
use crate::failure::{Explain, Failure, Outcome};

/// To whom an archive is to be encrypted; `None` if it is to stay as it is, which has to be said.
pub(super) fn recipients(args: &Encryption) -> Outcome<Option<Recipients>> {
    let mut all = None::<Recipients>;
    let mut add = |text: &str, from: &str| -> Outcome {
        let more = Recipients::parse(text).map_err(|error| Failure::from(error).context(from))?;
        all = Some(match all.take() {
            Some(before) => before.and(more),
            None => more,
        });
        Ok(())
    };
    for recipient in &args.recipient {
        add(recipient, "--recipient")?;
    }
    for file in &args.recipient_file {
        add(&read(file)?, &file.display().to_string())?;
    }
    if all.is_none() && !args.plain {
        return Err(Failure::fatal("it is not said to whom the archive is to be encrypted").hint(
            "give a --recipient (`backstay archive keygen --output FILE` makes one with its identity), or --plain for an archive that anybody can read",
        ));
    }
    Ok(all)
}

/// What opens archives, as far as it was given.
pub(super) fn identities(args: &Identity) -> Outcome<Identities> {
    let mut text = Zeroizing::new(String::new());
    for file in &args.identity_file {
        text.push_str(&read(file)?);
        text.push('\n');
    }
    if args.identity_file.is_empty() {
        match variable("ARCHIVE_IDENTITY").map(Zeroizing::new) {
            Some(identity) => text.push_str(&identity),
            None => return Ok(Identities::none()),
        }
    }
    Ok(Identities::parse(&text)?)
}

fn read(file: &Path) -> Outcome<Zeroizing<String>> {
    std::fs::read_to_string(file).map(Zeroizing::new).explain(format!("cannot read {}", file.display()))
}

/// `archive keygen`.
pub(super) fn generate(app: &App, args: &Keygen) -> Outcome {
    let pair = KeyPair::generate();
    let recipient = pair.recipient();
    let shown = args.output.display();
    let write = |secret: &str| -> std::io::Result<()> {
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.output)?;
        write!(file, "# recipient: {recipient}\n{secret}\n")?;
        file.sync_all()
    };
    pair.with_secret(write).explain(format!("cannot write the identity to {shown}"))?;
    if app.console.is_json() {
        app.console.message(&json!({
            "message_type": "archive_key", "recipient": recipient, "identity_file": args.output.display().to_string(),
        }));
        return Ok(());
    }
    app.console.print(&recipient);
    app.console.say(format!(
        "the identity is in {shown}: keep a copy of it elsewhere, without it archives for this recipient cannot be read"
    ));
    Ok(())
}
