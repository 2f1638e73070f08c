//! `benchmark`: how fast this machine does each step of a backup by itself.

use std::io::Write;
use std::time::{Duration, Instant};

use backstay_core::{CallContext, FileId, FileKind, Handle, Random, Storage};
use backstay_engine::chunker::{ChunkSizes, Chunker, Polynomial};
use backstay_engine::crypto::{KdfParams, Key, KeyBytes, derive, hash};
use backstay_engine::pack::{Compression, Compressor, DEFAULT_PACK_SIZE};
use backstay_storage::Local;
use serde::Serialize;

use crate::app::App;
use crate::args::Benchmark;
use crate::failure::{Explain, Outcome};
use crate::format;
use crate::table::Table;

/// A blob in these measurements: what the chunker gives on average is not far from it.
const PIECE: usize = 1 << 20;

/// The speed of one step.
#[derive(Debug, Serialize)]
struct Row {
    step: &'static str,
    threads: usize,
    bytes: u64,
    seconds: f64,
    bytes_per_second: f64,
}

impl Row {
    fn new(step: &'static str, threads: usize, bytes: u64, time: Duration) -> Self {
        let seconds = time.as_secs_f64().max(1e-9);
        Self { step, threads, bytes, seconds, bytes_per_second: bytes as f64 / seconds }
    }
}

pub(super) fn run(app: &App, args: &Benchmark) -> Outcome {
    let size = usize::try_from(args.size.max(PIECE as u64)).explain("the size is too large")?;
    let noise = noise(app, size);
    let text = text(size);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut rows = Vec::new();
    for threads in if cores > 1 { vec![1, cores] } else { vec![1] } {
        let polynomial = Polynomial::generate(&*app.random);
        rows.push(measure(app, "cut", threads, &noise, || {
            let chunker = Chunker::new(polynomial, ChunkSizes::RESTIC);
            move |mut piece: &[u8]| {
                while let Some(length) = chunker.cut(piece, 0) {
                    piece = piece.get(length..).unwrap_or_default();
                }
            }
        })?);
        rows.push(measure(app, "hash (SHA-256)", threads, &noise, || {
            |piece: &[u8]| {
                std::hint::black_box(hash(piece));
            }
        })?);
        for (step, data) in [("compress text (zstd)", &text), ("compress noise (zstd)", &noise)] {
            rows.push(measure(app, step, threads, data, || {
                let mut compressor = Compressor::new(Compression::Auto.level().unwrap_or(2));
                let mut out = vec![0; Compressor::bound(8 * PIECE)];
                move |piece: &[u8]| {
                    std::hint::black_box(compressor.compress(piece, &mut out));
                }
            })?);
        }
        let random = std::sync::Arc::clone(&app.random);
        let master = KeyBytes::generate(&*random);
        rows.push(measure(app, "encrypt (AES-256, Poly1305)", threads, &noise, || {
            let (key, random, mut out) = (Key::new(&master), std::sync::Arc::clone(&random), Vec::new());
            move |piece: &[u8]| {
                out.clear();
                key.seal(&*random, piece, &mut out);
            }
        })?);
    }
    rows.push(store(app, args, &noise)?);
    let unlock = key_derivation();
    if app.console.is_json() {
        for row in &rows {
            app.console.message(row);
        }
        return Ok(());
    }
    let mut table = Table::new(&["Step", "Threads", "Speed"]);
    for row in rows {
        table.row(vec![
            row.step.to_owned(),
            row.threads.to_string(),
            format!("{}/s", format::bytes(row.bytes_per_second as u64)),
        ]);
    }
    table.footer(format!("Unlocking a repository takes {:.2} s", unlock.as_secs_f64()));
    app.console.write_line(&table.draw())
}

/// Has each thread work on its share of the data, in pieces of up to 8 MiB, each with a worker of its own.
fn measure<W: FnMut(&[u8]) + Send>(
    app: &App,
    step: &'static str,
    threads: usize,
    data: &[u8],
    mut worker: impl FnMut() -> W,
) -> Outcome<Row> {
    app.control.checkpoint()?;
    let share = data.len().div_ceil(threads).max(1);
    let workers: Vec<_> = data.chunks(share).map(|share| (share, worker())).collect();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for (share, mut work) in workers {
            scope.spawn(move || share.chunks(8 * PIECE).for_each(&mut work));
        }
    });
    Ok(Row::new(step, threads, data.len() as u64, start.elapsed()))
}

/// Stores packs durably in a folder, as a backup to this machine does.
fn store(app: &App, args: &Benchmark, data: &[u8]) -> Outcome<Row> {
    let folder = args.folder.clone().unwrap_or_else(std::env::temp_dir);
    let place = Scratch::make(&folder, app)?;
    let storage = Local::new(&place.0);
    let context = CallContext::with(&app.control);
    storage.prepare(context)?;
    let start = Instant::now();
    for (number, pack) in data.chunks(DEFAULT_PACK_SIZE).enumerate() {
        let mut id = FileId::default();
        if let Some(first) = id.0.first_chunk_mut() {
            *first = (number as u64).to_be_bytes();
        }
        storage.write(&Handle::new(FileKind::Pack, id), pack, context)?;
    }
    Ok(Row::new("store (durably, in a folder)", 1, data.len() as u64, start.elapsed()))
}

/// A folder that goes with the measurement.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn make(folder: &std::path::Path, app: &App) -> Outcome<Self> {
        let mut name = [0; 8];
        app.random.fill(&mut name);
        let path = folder.join(format!("backstay-benchmark-{:016x}", u64::from_be_bytes(name)));
        std::fs::create_dir(&path).explain(format!("cannot make a folder in {}", folder.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            let _ = writeln!(std::io::stderr(), "cannot remove {}: {error}", self.0.display());
        }
    }
}

fn key_derivation() -> Duration {
    let start = Instant::now();
    std::hint::black_box(derive("benchmark", &[0; 64], KdfParams::DEFAULT).is_some());
    start.elapsed()
}

/// Bytes that do not compress.
fn noise(app: &App, size: usize) -> Vec<u8> {
    let mut noise = vec![0; size];
    app.random.fill(&mut noise);
    noise
}

/// Words in an order that repeats only after long: compresses about as source code does.
fn text(size: usize) -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "static ",
        "int ",
        "return ",
        "struct ",
        "if (",
        ") {\n\t",
        "}\n",
        "->",
        "device",
        "buffer",
        "size_t ",
        " = ",
        ";\n\t",
        "void ",
        "unsigned ",
        "/* ",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut text = Vec::with_capacity(size + 32);
    while text.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let word = WORDS.get((state >> 60) as usize).copied().unwrap_or_default();
        text.extend_from_slice(word.as_bytes());
        if state.is_multiple_of(5) {
            let _ = write!(text, "{:x}", state >> 44);
        }
    }
    text.truncate(size);
    text
}
