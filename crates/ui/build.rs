//! Builds the dashboard from `ui/` with Node.js, in the build's own folder, and carries its files along.
//!
//! Without Node.js and npm, or with `BACKSTAY_UI=off`, there is none: the server then says on its page how to get it. Packages come as the lock
//! file pins them, and none of their own install scripts are run.

#[path = "src/sources.rs"]
mod sources;

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest Node.js that can build it: major and minor version.
const OLDEST: (u32, u32) = (20, 19);

fn main() {
    // As cargo tells it when it runs this: what it told when it built this may be another copy, where copies share a build folder.
    let package = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let folder = package.join("../../ui");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    println!("cargo:rerun-if-env-changed=BACKSTAY_UI");
    for part in sources::PARTS {
        println!("cargo:rerun-if-changed={}", folder.join(part).display());
    }
    let made = if std::env::var_os("BACKSTAY_UI").is_some_and(|value| value == "off") {
        Ok(None)
    } else if let Some(why) = missing() {
        println!(
            "cargo:warning={why}, so the dashboard is left out; install Node.js 20.19 or newer to have it"
        );
        Ok(None)
    } else {
        build(&folder, &out.join("ui")).map(Some)
    };
    let written = made.and_then(|dist| write_list(&folder, dist.as_deref(), &out));
    if let Err(error) = written {
        println!("cargo::error=the dashboard cannot be built: {error}; BACKSTAY_UI=off leaves it out");
    }
}

/// What the build needs and this machine lacks.
fn missing() -> Option<String> {
    let version = |program: &str| {
        let output = Command::new(program).arg("--version").output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(node) = version("node") else { return Some("there is no Node.js".to_owned()) };
    let mut numbers = node.trim_start_matches('v').split('.').map_while(|part| part.parse::<u32>().ok());
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < OLDEST {
        return Some(format!("Node.js {node} is too old"));
    }
    version("npm").is_none().then(|| "there is no npm".to_owned())
}

/// Builds in a copy, so that nothing is written where the sources are. Gives the folder of what was built.
fn build(folder: &Path, copy: &Path) -> io::Result<PathBuf> {
    for part in sources::PARTS {
        let part = copy.join(part);
        if part.is_dir() { fs::remove_dir_all(part)? } else { drop(fs::remove_file(part)) }
    }
    for path in sources::files(folder)? {
        let to = copy.join(&path);
        fs::create_dir_all(to.parent().unwrap_or(copy))?;
        fs::copy(folder.join(&path), to)?;
    }
    let lock = fs::read(copy.join("package-lock.json"))?;
    let installed = copy.join("installed-lock.json");
    if fs::read(&installed).ok().as_ref() != Some(&lock) {
        let cache = copy.join("cache");
        run(
            copy,
            "npm",
            &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", &cache.to_string_lossy()],
        )?;
        fs::write(&installed, &lock)?;
        // The packages are unpacked; their archives are of no use any more.
        fs::remove_dir_all(cache)?;
    }
    run(copy, "npm", &["run", "build", "--", "--outDir", "dist", "--emptyOutDir"])?;
    Ok(copy.join("dist"))
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> io::Result<()> {
    let output = Command::new(program).args(arguments).current_dir(folder).env("NO_COLOR", "1").output()?;
    if output.status.success() {
        return Ok(());
    }
    let told = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).join("\n");
    let last: Vec<_> = told.lines().filter(|line| !line.trim().is_empty()).rev().take(12).collect();
    let last: Vec<_> = last.into_iter().rev().collect();
    Err(io::Error::other(format!(
        "{program} {} ended with {}: {}",
        arguments.join(" "),
        output.status,
        last.join(" | ")
    )))
}

/// Writes down what there is, as a table for the program.
fn write_list(folder: &Path, dist: Option<&Path>, out: &Path) -> io::Result<()> {
    let mut list = String::from("&[\n");
    for path in dist.map(walk).transpose()?.unwrap_or_default() {
        let dist = dist.unwrap_or(out);
        let (name, full) = (path.to_string_lossy().replace('\\', "/"), dist.join(&path));
        let packed = full.with_extension("packed");
        let mut encoder =
            flate2::write::GzEncoder::new(fs::File::create(&packed)?, flate2::Compression::best());
        encoder.write_all(&fs::read(&full)?)?;
        encoder.finish()?;
        // Writing to a string cannot fail.
        let _ = writeln!(
            list,
            "File {{ path: {name:?}, plain: include_bytes!({:?}), gzip: include_bytes!({:?}) }},",
            full.display().to_string(),
            packed.display().to_string()
        );
    }
    list.push(']');
    fs::write(out.join("files.rs"), list)?;
    let print = match dist {
        Some(_) => sources::fingerprint(folder, &sources::files(folder)?)?,
        None => String::new(),
    };
    fs::write(out.join("fingerprint.rs"), format!("{print:?}"))
}

/// The files of a folder, by their paths in it, in order.
fn walk(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(folder.join(&path))? {
            let entry = entry?;
            let path = path.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else if path.extension().is_none_or(|extension| extension != "packed") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
