//! `cat`: what is in the repository's files, as it is.

use backstay_core::{CallContext, FileId, FileKind, Handle};
use backstay_engine::crypto::hash;
use backstay_engine::format::BlobKind;
use backstay_policy::SnapshotFilter;

use crate::app::App;
use crate::args::Cat;
use crate::choose;
use crate::failure::{Explain, Failure, Outcome};
use crate::repository::{Access, Opened};
use crate::walk::subfolder;

pub(super) fn run(app: &App, args: &Cat) -> Outcome {
    let kind = args.kind.as_str();
    let name = match (kind, args.id.as_deref()) {
        ("masterkey" | "config", _) => "",
        (_, Some(id)) => id,
        (_, None) => return Err(Failure::fatal("ID not specified")),
    };
    let repository = Opened::open(app, Access::Read)?;
    let engine = repository.engine();
    match kind {
        "config" => pretty(app, &engine.config().to_json()),
        "masterkey" => pretty(app, repository.master_key_json()?.as_bytes()),
        "key" => pretty(app, &engine.read_file(FileKind::Key, id(name)?)?),
        "lock" => pretty(app, &engine.load_unpacked(FileKind::Lock, id(name)?)?),
        "snapshot" => {
            let (entry, _) = choose::one(&repository, name, &SnapshotFilter::default())?;
            pretty(app, &entry.snapshot.to_json())
        }
        "index" => {
            app.console.write(&engine.load_unpacked(FileKind::Index, id(name)?)?)?;
            app.console.write(b"\n")
        }
        "pack" => pack(app, &repository, id(name)?),
        "blob" => blob(app, &repository, &id(name)?),
        _ => {
            let (entry, folder) = choose::one(&repository, name, &SnapshotFilter::default())?;
            repository.load_index(app)?;
            let tree = subfolder(&repository, &entry.snapshot.tree, &folder)?;
            repository.with_blob(BlobKind::Tree, &tree, |bytes| app.console.write(bytes))
        }
    }
}

fn id(text: &str) -> Outcome<FileId> {
    FileId::from_hex(text).ok_or_else(|| {
        Failure::fatal(format!("unable to parse ID: {text:?}"))
            .hint("give the whole id of 64 digits, as `list` shows it")
    })
}

/// Prints JSON with indentation, its keys in the order in which they are stored.
fn pretty(app: &App, json: &[u8]) -> Outcome {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut reader = serde_json::Deserializer::from_slice(json);
    let mut writer = serde_json::Serializer::with_formatter(
        &mut out,
        serde_json::ser::PrettyFormatter::with_indent(b"  "),
    );
    serde_transcode::transcode(&mut reader, &mut writer).explain("the file holds no JSON")?;
    out.push(b'\n');
    app.console.write(&out)
}

/// The pack as it is stored, sound or not.
fn pack(app: &App, repository: &Opened, id: FileId) -> Outcome {
    let mut bytes = Vec::new();
    let handle = Handle::new(FileKind::Pack, id);
    repository.engine().storage().read(&handle, &mut bytes, CallContext::with(&app.control))?;
    let found = hash(&bytes);
    if found != id {
        app.console
            .complain(format!("Warning: hash of data does not match ID, want\n  {id}\ngot:\n  {found}"));
    }
    app.console.write(&bytes)
}

fn blob(app: &App, repository: &Opened, id: &FileId) -> Outcome {
    let index = repository.load_index(app)?;
    for kind in [BlobKind::Data, BlobKind::Tree] {
        if index.contains(kind, id) {
            return repository.with_blob(kind, id, |bytes| app.console.write(bytes));
        }
    }
    Err(Failure::fatal("blob not found"))
}
