//! `api`: any call, for what has no command of its own.

use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::Response;

use super::download::keep;
use super::{form, records, sign_in};
use crate::app::App;
use crate::args::Api;
use crate::failure::{Explain, Outcome};
use crate::remote::{Client, content};

/// A download may take so long.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

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
            return keep(app, answer, args.output.as_deref()).map(|()| None);
        }
        content(answer, client.base()).map(Some)
    };
    let record =
        if args.sign_in { sign_in::within(app, &args.person, call)? } else { call(&Client::new(app)?)? };
    // What is a file is handed on already.
    record.map_or(Ok(()), |record| records::show(app, &record))
}

/// Whether an answer is a record; one without content has no type.
fn is_json(answer: &Response) -> bool {
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    kind.is_none_or(|kind| kind.starts_with("application/json"))
}
