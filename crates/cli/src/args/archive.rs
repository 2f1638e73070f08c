//! `archive`: backups as plain archives.

use std::path::PathBuf;

use backstay_policy::BackupType;
use clap::{Args, Subcommand, ValueEnum};

use super::select::{ExcludePatterns, IncludePatterns};

/// Backups as plain archives, which other programs read too
#[derive(Debug, Subcommand)]
pub(crate) enum Archive {
    /// Make an archive of files and folders
    Create(Box<CreateArchive>),
    /// List archives, or what is in one
    List(ListArchives),
    /// Verify archives and all that they lean on
    Verify(VerifyArchives),
    /// Extract an archive, together with those that it leans on
    Extract(Box<ExtractArchive>),
    /// Send archives to a receiver, into a bucket or into another directory
    Send(Box<SendArchives>),
    /// Delete archives
    Delete(DeleteArchives),
    /// Make an identity that opens archives, and the recipient that they are encrypted to
    Keygen(Keygen),
}

/// The format of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ContainerFormat {
    /// Zip, for every system
    Zip,
    /// Tar in frames of zstd
    #[value(name = "tar.zst")]
    TarZst,
}

/// How contents are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ContentCompression {
    /// Not at all (zip only)
    Store,
    /// As every zip program reads it (zip only)
    Deflate,
    /// Smaller and faster, but few zip programs read it
    Zstd,
}

/// The type of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TypeOfBackup {
    /// Everything
    Full,
    /// What changed since the last full archive
    Differential,
    /// What changed since the last archive
    Incremental,
}

impl From<TypeOfBackup> for BackupType {
    fn from(value: TypeOfBackup) -> Self {
        match value {
            TypeOfBackup::Full => Self::Full,
            TypeOfBackup::Differential => Self::Differential,
            TypeOfBackup::Incremental => Self::Incremental,
        }
    }
}

/// Makes an archive of files and folders.
///
/// Its manifest lies inside, and, with the SHA-256 of the archive, beside it. Nothing is ever overwritten. Exit status is 0 if the
/// command was successful, 1 on a fatal error (no archive made), 3 if some source data could not be read (incomplete archive made)
/// and 130 if interrupted.
#[derive(Debug, Args)]
pub(crate) struct CreateArchive {
    /// Files and directories to back up
    #[arg(value_name = "FILE/DIR", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Directory that the archive is put into
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) output: PathBuf,
    /// Pattern of the name; the fields are {source}, {type}, {host}, {n}, {date} and {date:FORMAT} (in UTC)
    #[arg(long, value_name = "PATTERN", default_value = backstay_policy::naming::DEFAULT_NAME)]
    pub(crate) name: String,
    /// What {source} stands for (default: the last part of the first path)
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// Format of the archive
    #[arg(long, value_name = "FORMAT", default_value = "zip")]
    pub(crate) format: ContainerFormat,
    /// How contents are compressed (default: deflate in zip, zstd in tar.zst)
    #[arg(long = "method", value_name = "METHOD")]
    pub(crate) method: Option<ContentCompression>,
    /// How much work is put into it: 0 to 9 for deflate, 1 to 22 for zstd
    #[arg(long, value_name = "LEVEL")]
    pub(crate) level: Option<i32>,
    /// What goes into the archive; all but full ones lean on archives in the same directory
    #[arg(long = "type", value_name = "TYPE", default_value = "full")]
    pub(crate) backup_type: TypeOfBackup,
    /// Lean on this archive (default: the latest one of the same paths and host)
    #[arg(long, value_name = "ARCHIVE")]
    pub(crate) parent: Option<PathBuf>,
    /// Tell changed files by their content instead of their size and times
    #[arg(long)]
    pub(crate) by_content: bool,
    #[command(flatten)]
    pub(crate) encryption: Encryption,
    #[command(flatten)]
    pub(crate) identity: Identity,
    #[command(flatten)]
    pub(crate) exclude: ExcludePatterns,
    /// Stay in the file systems of the given paths
    #[arg(short = 'x', long)]
    pub(crate) one_file_system: bool,
    /// Set the hostname of the archive [env: *_HOST]
    #[arg(short = 'H', long, value_name = "HOSTNAME")]
    pub(crate) host: Option<String>,
}

/// To whom an archive is encrypted.
#[derive(Debug, Args)]
pub(crate) struct Encryption {
    /// Encrypt to this age recipient (can be specified multiple times)
    #[arg(long, value_name = "RECIPIENT")]
    pub(crate) recipient: Vec<String>,
    /// Encrypt to the age recipients in this file (can be specified multiple times)
    #[arg(long, value_name = "FILE")]
    pub(crate) recipient_file: Vec<PathBuf>,
    /// Do not encrypt
    #[arg(long, conflicts_with_all = ["recipient", "recipient_file"])]
    pub(crate) plain: bool,
}

/// What opens encrypted archives.
#[derive(Debug, Clone, Args)]
pub(crate) struct Identity {
    /// File with the age identities that open encrypted archives [env: BACKSTAY_ARCHIVE_IDENTITY has the identity itself]
    #[arg(long, value_name = "FILE")]
    pub(crate) identity_file: Vec<PathBuf>,
}

/// Who to be to a receiver.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct AtReceiver {
    /// File with the receiver's token [env: BACKSTAY_RECEIVER_TOKEN has the token itself]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// Lists the archives in a directory and those below it, or the items in an archive: of this machine, on a receiver
/// (https://HOST:PORT/FOLDER), or in a bucket (s3:HOST/BUCKET/PREFIX).
#[derive(Debug, Args)]
pub(crate) struct ListArchives {
    /// Directory or archive
    #[arg(value_name = "DIRECTORY/ARCHIVE")]
    pub(crate) place: PathBuf,
    #[command(flatten)]
    pub(crate) identity: Identity,
    #[command(flatten)]
    pub(crate) at: AtReceiver,
}

/// Verifies archives: the file against the manifest beside it, and each content, also of the archives it leans on, against the
/// manifest inside. Without the identity of an encrypted archive only the file is compared.
#[derive(Debug, Args)]
pub(crate) struct VerifyArchives {
    /// Directories and archives
    #[arg(value_name = "DIRECTORY/ARCHIVE", required = true)]
    pub(crate) places: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) identity: Identity,
    #[command(flatten)]
    pub(crate) at: AtReceiver,
}

/// Extracts an archive. All that is wanted is verified first: from a damaged archive nothing is written.
#[derive(Debug, Args)]
pub(crate) struct ExtractArchive {
    /// The archive
    #[arg(value_name = "ARCHIVE")]
    pub(crate) archive: PathBuf,
    /// Directory to extract to
    #[arg(short, long, value_name = "DIRECTORY")]
    pub(crate) target: PathBuf,
    #[command(flatten)]
    pub(crate) exclude: ExcludePatterns,
    #[command(flatten)]
    pub(crate) include: IncludePatterns,
    /// Extract into a directory that is not empty, writing over what is there
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Only verify that everything could be extracted
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) identity: Identity,
    #[command(flatten)]
    pub(crate) at: AtReceiver,
}

/// Sends archives, with their manifests, to a receiver, into a bucket or into another directory.
///
/// Each chunk is checked on its way and where it lies. An interrupted transfer goes on where it was when it is sent again, also after both
/// ends were started anew. Nothing is ever overwritten.
#[derive(Debug, Args)]
pub(crate) struct SendArchives {
    /// The archives
    #[arg(value_name = "ARCHIVE", required = true)]
    pub(crate) archives: Vec<PathBuf>,
    /// Receiver, as https://HOST:PORT, bucket, as s3:HOST/BUCKET/PREFIX, or directory
    #[arg(long, value_name = "ADDRESS/DIRECTORY")]
    pub(crate) to: String,
    /// Folder there that they are put into
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<String>,
    #[command(flatten)]
    pub(crate) at: AtReceiver,
    /// Split archives that are larger than this (default: 100G, as powers of ten)
    #[arg(long, value_name = "SIZE", value_parser = super::values::size)]
    pub(crate) split_over: Option<u64>,
    /// Size of a chunk (default: 64M, and 256M of archives that are split); in a bucket 5M at least
    #[arg(long, value_name = "SIZE", value_parser = super::values::size)]
    pub(crate) chunk_size: Option<u64>,
    /// Give up when nothing came through for this long, as 30m
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = super::values::duration)]
    pub(crate) give_up_after: std::time::Duration,
    /// Directory for resume tokens (default: one of the user's own)
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) tokens: Option<PathBuf>,
}

/// Deletes archives, with their manifests.
#[derive(Debug, Args)]
pub(crate) struct DeleteArchives {
    /// The archives
    #[arg(value_name = "ARCHIVE", required = true)]
    pub(crate) archives: Vec<PathBuf>,
    /// Delete also what other archives in the directory need, which are then worth nothing
    #[arg(long)]
    pub(crate) break_chains: bool,
    /// Do not delete anything, just show what would be done
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) at: AtReceiver,
}

/// Makes an identity and prints the recipient that belongs to it.
#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// File that the identity is written to, which must not exist
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}
