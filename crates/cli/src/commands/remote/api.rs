//! `api`: any call, for what has no command of its own.

use reqwest::Method;

use super::{form, records, sign_in};
use crate::app::App;
use crate::args::Api;
use crate::failure::{Explain, Outcome};
use crate::remote::Client;

pub(crate) fn run(app: &App, args: &Api) -> Outcome {
    let method: Method =
        args.method.to_uppercase().parse().explain(format!("{:?} is no method of HTTP", args.method))?;
    let path = args.path.strip_prefix("/api/v1").unwrap_or(&args.path);
    let path = format!("/{}", path.trim_start_matches('/'));
    let body = args.file.as_deref().map(form::read).transpose()?;
    let call = |client: &Client| client.call(method, &path, body.as_ref());
    let answer =
        if args.sign_in { sign_in::within(app, &args.person, call)? } else { call(&Client::new(app)?)? };
    records::show(app, &answer)
}
