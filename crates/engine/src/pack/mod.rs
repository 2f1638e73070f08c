//! Building packs, and getting them into the storage.

mod builder;
mod compression;
mod packers;
mod transfer;
mod uploader;

pub use builder::{Compress, FinishedPack, PackBuffer, PackBuilder};
pub use compression::{Compression, Compressor, Decompressor, Squeezed};
pub(crate) use compression::{compress_file, decompress_file};
pub use packers::{Packer, Packers, Stored};
pub use transfer::Transfer;
pub use uploader::{Gauge, Uploader};

/// Pack size that restic aims at, in bytes.
pub const DEFAULT_PACK_SIZE: usize = 16 << 20;
/// Smallest pack size that may be asked for.
pub const MIN_PACK_SIZE: usize = 4 << 20;
/// Largest pack size that may be asked for.
pub const MAX_PACK_SIZE: usize = 128 << 20;
