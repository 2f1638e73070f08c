//! The recovery kit: a page with all that opens the repositories of a project, and how to restore from them without this server.
//!
//! Whoever has lost the server has the kit, or nothing: the server alone knows the passwords of the repositories it made. So it is
//! said whether a kit was issued, and whether anything has changed since that it would be needed for.

use std::fmt::Write;

use backstay_model::archives::ArchiveEncryption;
use backstay_model::connection::BucketStyle;
use backstay_model::{Connection, ConnectionSettings, Destination, Holds, Node, ProjectId, Repository, Time};
use serde::{Deserialize, Serialize};

use crate::pages::escaped;
use crate::problem::Problem;
use crate::secrets;
use crate::settings;
use crate::state::AppState;

/// How a project's recovery kit stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct KitState {
    /// The project.
    pub(crate) project: ProjectId,
    /// Repositories that a kit would open now.
    pub(crate) repositories: usize,
    /// When one was last issued; nothing when none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) issued: Option<Time>,
    /// Whether something has changed since: there is a repository that it does not open, or one is elsewhere now.
    pub(crate) stale: bool,
}

/// What was issued.
#[derive(Debug, Serialize, Deserialize)]
struct Issued {
    at: Time,
    /// The repositories in it, each with where it was.
    marks: Vec<String>,
}

/// A repository with the way to it.
struct Place {
    repository: Repository,
    destination: Destination,
    connection: Connection,
}

impl Place {
    /// What a kit says of it, but for the password.
    fn mark(&self) -> String {
        format!("{} at {}", self.repository.id, self.location())
    }

    /// Where it is, as restic's `-r` and Backstay's `--repo` take it.
    fn location(&self) -> String {
        let parts = [self.destination.path.as_str(), self.repository.path.as_str()];
        let below = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        match &self.connection.settings {
            ConnectionSettings::Local(local) if below.is_empty() => local.path.clone(),
            ConnectionSettings::Local(local) => format!("{}/{below}", local.path.trim_end_matches('/')),
            ConnectionSettings::S3(s3) => {
                let service = s3.endpoint.as_deref().unwrap_or("https://s3.amazonaws.com");
                let location = format!("s3:{}/{}", service.trim_end_matches('/'), s3.bucket);
                if below.is_empty() { location } else { format!("{location}/{below}") }
            }
            ConnectionSettings::Receiver(receiver) => match below.as_str() {
                _ if self.destination.holds.is_archives() => format!("{}/archives/{below}", receiver.url()),
                "" => format!("rest:{}/repo/", receiver.url()),
                below => format!("rest:{}/repo/{below}/", receiver.url()),
            },
            ConnectionSettings::GoogleDrive(drive) if below.is_empty() => format!("gdrive:{}", drive.folder),
            ConnectionSettings::GoogleDrive(drive) => format!("gdrive:{}/{below}", drive.folder),
            // No repository lies there.
            ConnectionSettings::Mysql(_) | ConnectionSettings::Mongodb(_) => below,
        }
    }
}

fn setting(project: ProjectId) -> String {
    format!("recovery-kit:{project}")
}

/// How the kit of a project stands.
pub(crate) async fn state(state: &AppState, project: ProjectId) -> Result<KitState, Problem> {
    let places = places(state, project).await?;
    let issued: Option<Issued> = settings::read(state, &setting(project)).await?;
    let is_new = |place: &Place| issued.as_ref().is_none_or(|issued| !issued.marks.contains(&place.mark()));
    let stale = places.iter().any(is_new);
    Ok(KitState { project, repositories: places.len(), issued: issued.map(|issued| issued.at), stale })
}

/// The kit of a project as a page of its own, to print or to keep offline. It counts as issued from then on.
pub(crate) async fn issue(state: &AppState, project: ProjectId, by: &str) -> Result<String, Problem> {
    let places = places(state, project).await?;
    let name = state.store.project(project).await?.map_or_else(String::new, |project| project.name);
    let nodes = state.store.nodes(Some(project)).await?;
    let now = state.now();
    let mut page = String::new();
    // Writing into a text cannot fail.
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Recovery kit: {name}</title>\n{STYLE}\n\
         <h1>Recovery kit: {name}</h1>\n<p>Issued on {now:.0} by {by}, at {url}. It opens {count}.</p>\n{WARNING}\n",
        name = escaped(&name),
        by = escaped(by),
        url = escaped(&state.url),
        count = counted(places.len()),
    );
    for place in &places {
        write_place(state, &mut page, place, &nodes).await?;
    }
    page.push_str(HOW_TO);
    let marks = places.iter().map(Place::mark).collect();
    settings::write(state, &setting(project), &Issued { at: now, marks }).await?;
    Ok(page)
}

async fn write_place(
    state: &AppState,
    page: &mut String,
    place: &Place,
    nodes: &[Node],
) -> Result<(), Problem> {
    let Place { repository, destination, connection } = place;
    let sealed = state.store.repository_sealed(repository.id).await?;
    let record = secrets::record("repository", repository.id);
    let mut opened = secrets::open(&state.vault, &record, sealed.as_deref())?;
    let password = opened.remove("password");
    let password = password.unwrap_or_else(|| "(the server does not have it: who adopted it has)".to_owned());
    let node = |id| nodes.iter().find(|node| node.id == id).map_or("a node that is gone", |node| &node.name);
    let _ = writeln!(page, "<section>\n<h2>{}</h2>\n<dl>", escaped(&destination.name));
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(page, "<dt>{name}</dt><dd><code>{}</code></dd>", escaped(value));
    };
    fact("Location", &place.location());
    let is_plain =
        matches!(&destination.holds, Holds::Archives(it) if it.encryption == ArchiveEncryption::Plain);
    match destination.holds {
        Holds::Archives(_) if is_plain => fact("Archives", "plain: they open without a key"),
        Holds::Archives(_) => fact("Key of the archives", &password),
        Holds::Repository => fact("Password", &password),
    }
    fact("Used by", repository.node.map_or("all nodes of the project", node));
    match &connection.settings {
        ConnectionSettings::Local(_) => fact("On the disk of", node(connection.node)),
        ConnectionSettings::S3(s3) => {
            fact("Access key", &s3.access_key);
            if let Some(region) = &s3.region {
                fact("Region", region);
            }
            if s3.style == BucketStyle::Path {
                fact("Addresses", "with the bucket in the path");
            }
        }
        ConnectionSettings::Receiver(receiver) => {
            if let Some(fingerprint) = &receiver.fingerprint {
                fact("Certificate, SHA-256", fingerprint);
            }
        }
        ConnectionSettings::GoogleDrive(drive) => fact("OAuth client", &drive.client_id),
        ConnectionSettings::Mysql(_) | ConnectionSettings::Mongodb(_) => {}
    }
    page.push_str("</dl>\n</section>\n");
    Ok(())
}

/// The repositories of a project, with the way to each.
async fn places(state: &AppState, project: ProjectId) -> Result<Vec<Place>, Problem> {
    let mut places = Vec::new();
    let connections = state.store.connections(Some(project)).await?;
    for destination in state.store.destinations(Some(project)).await? {
        let connection = connections.iter().find(|connection| connection.id == destination.connection);
        let Some(connection) = connection else { continue };
        for repository in state.store.repositories(destination.id).await? {
            places.push(Place {
                repository,
                destination: destination.clone(),
                connection: connection.clone(),
            });
        }
    }
    Ok(places)
}

fn counted(repositories: usize) -> String {
    if repositories == 1 { "one repository".to_owned() } else { format!("{repositories} repositories") }
}

const STYLE: &str = "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}\
code,pre{font-family:ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap}\
section{border:1px solid #888;border-radius:6px;padding:0 1rem;margin:1rem 0;break-inside:avoid}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}dd{margin:0}</style>";

const WARNING: &str = "<p><strong>Whoever has this page and can reach the storage can read all backups.</strong> Print it, or keep \
it in a password manager, away from the server and from the backups. When a repository is added, the dashboard says that the kit is \
stale: issue a new one then.</p>";

const HOW_TO: &str = "<h2>How to restore without the server</h2>\n\
<p>The repositories are in restic's format. Take <code>backstay</code> or <a href=\"https://restic.net\">restic</a>, whichever you \
have: both take the same words.</p>\n\
<pre>export RESTIC_PASSWORD='the password above'\n\
# for a bucket: the secret belongs to the access key above; the provider's console makes a new pair\n\
export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…\n\n\
backstay -r LOCATION snapshots\n\
backstay -r LOCATION restore ID --target /where/it/goes\n\
backstay -r LOCATION restore ID --target /where/it/goes --include /one/path\n\n\
restic -r LOCATION snapshots\n\
restic -r LOCATION restore ID --target /where/it/goes</pre>\n\
<p><code>ID</code> is the first column of the list: take the newest of the source that you need, by its host and paths. Where one source alone lies in \
the repository, <code>latest</code> is it; with several, <code>--host</code> and <code>--path</code> choose among them. Snapshots of paths that end in \
<code>#log</code> hold what a database wrote between backups, and none of its data: restic takes them for <code>latest</code> too.</p>\n\
<p>Archives are zip or tar.zst files, and .archive.gz files of MongoDB. Put the key, the line that begins with <code>AGE-SECRET-KEY-1</code>, into a file, here \
<code>key.txt</code>. Where they lie with a receiver, a token of its client opens the way, here in <code>token.txt</code> \
(<code>backstay receiver client renew</code> makes a new one), and the certificate's SHA-256 above tells that it is the right one.</p>\n\
<pre># with a receiver: list, and take out from where they lie\n\
backstay archive list LOCATION --token-file token.txt --server-fingerprint SHA-256\n\
backstay archive extract LOCATION/NAME.zip.age --token-file token.txt --server-fingerprint SHA-256 \\\n\
  --identity-file key.txt --target /where/it/goes\n\n\
# in a folder; an archive leans on those before it, back to the full one\n\
backstay archive list LOCATION\n\
backstay archive extract LOCATION/NAME.zip.age --identity-file key.txt --target /where/it/goes\n\n\
# a full one with the tools of others\n\
age -d -i key.txt NAME.zip.age &gt; NAME.zip; unzip NAME.zip\n\
age -d -i key.txt NAME.archive.gz.age | mongorestore --gzip --archive</pre>\n\
<p>Try it now, while nothing is lost: <code>backstay -r LOCATION snapshots</code> has to list your snapshots, and <code>backstay \
archive list LOCATION</code> your archives.</p>\n</html>\n";
