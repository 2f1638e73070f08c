//! `api`: any call, for what has no command of its own.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::Response;
use serde_json::Value;

use super::{form, records, sign_in};
use crate::app::App;
use crate::args::Api;
use crate::failure::{Explain, Outcome};
use crate::remote::{Client, content};

/// A download may take so long.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What came of a call.
enum Told {
    /// A record, or nothing.
    Record(Value),
    /// A file, which is handed on already.
    File,
}

pub(crate) fn run(app: &App, args: &Api) -> Outcome {
    let method: Method =
        args.method.to_uppercase().parse().explain(format!("{:?} is no method of HTTP", args.method))?;
    let path = args.path.strip_prefix("/api/v1").unwrap_or(&args.path);
    let path = format!("/api/v1/{}", path.trim_start_matches('/'));
    let body = args.file.as_deref().map(form::read).transpose()?;
    let call = |client: &Client| {
        let may_be_long = method == Method::GET;
        let request = client.request(method, &path, body.as_ref())?;
        let request = if may_be_long { request.timeout(LONGEST) } else { request };
        let answer = client.answer(request)?;
        if args.output.is_some() || !is_json(&answer) {
            return keep(answer, args.output.as_deref()).map(|()| Told::File);
        }
        content(answer, client.base()).map(Told::Record)
    };
    let told =
        if args.sign_in { sign_in::within(app, &args.person, call)? } else { call(&Client::new(app)?)? };
    match told {
        Told::Record(record) => records::show(app, &record),
        Told::File => Ok(()),
    }
}

/// Whether an answer is a record; one without content has no type.
fn is_json(answer: &Response) -> bool {
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    kind.is_none_or(|kind| kind.starts_with("application/json"))
}

/// Hands a file on as it comes, to a file or to standard output. A file gets its name only when it is whole.
fn keep(mut answer: Response, output: Option<&Path>) -> Outcome {
    let mut copy = |out: &mut dyn Write| {
        let copied = answer.copy_to(&mut &mut *out).map_err(reqwest::Error::without_url);
        copied.explain("the download broke off: what came is not whole")?;
        out.flush().explain("what came cannot be written")
    };
    let Some(path) = output else { return copy(&mut io::stdout().lock()) };
    let cannot = || format!("cannot write {}", path.display());
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return copy(&mut File::create(path).explain(cannot())?);
    }
    let part = path.with_added_extension("part");
    let mut file = File::create(&part).explain(cannot())?;
    let whole = copy(&mut file)
        .and_then(|()| file.sync_all().explain(cannot()))
        .and_then(|()| fs::rename(&part, path).explain(cannot()));
    if whole.is_err() {
        let _ = fs::remove_file(&part);
    }
    whole
}
