//! `api`: any call, for what has no command of its own.

use reqwest::Method;

use super::{form, records};
use crate::app::App;
use crate::args::Api;
use crate::failure::{Explain, Outcome};
use crate::remote::Client;

pub(crate) fn run(app: &App, args: &Api) -> Outcome {
    let client = Client::new(app)?;
    let method: Method =
        args.method.to_uppercase().parse().explain(format!("{:?} is no method of HTTP", args.method))?;
    let path = args.path.strip_prefix("/api/v1").unwrap_or(&args.path);
    let path = format!("/{}", path.trim_start_matches('/'));
    let body = args.file.as_deref().map(form::read).transpose()?;
    records::show(app, &client.call(method, &path, body.as_ref())?)
}
