//! Google Drive against a server of its protocol, in this process.

mod server;
mod storage;
