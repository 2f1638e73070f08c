//! Google Drive against a server of its protocol, in this process.

mod archives;
mod server;
mod sign_in;
mod slow;
mod storage;
