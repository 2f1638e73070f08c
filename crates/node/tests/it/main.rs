//! The node, with real folders and a real store on the other end of its uplink.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod archived_instance;
mod archives;
mod away;
mod browse;
mod bucket_faults;
mod buckets;
mod cold;
mod cold_class;
mod comeback;
mod continuous;
mod copies;
mod crashes;
mod cut_reads;
mod damaged;
mod damaged_buckets;
#[path = "../../../storage/tests/it/drive/server/mod.rs"]
#[allow(dead_code)]
mod drive_server;
mod full_disk;
mod google_drive;
mod guarded;
mod hooks;
mod interrupted;
mod limits;
mod matrix;
mod mongo;
mod mongo_faults;
mod mongo_hangs;
mod mongo_runs;
mod mongodump;
#[path = "../../../storage/tests/it/s3/multipart.rs"]
#[allow(dead_code)]
mod multipart;
mod probes;
mod queue;
mod receiver;
mod retention;
mod runs;
#[path = "../../../storage/tests/it/s3/server.rs"]
#[allow(dead_code)]
mod s3_server;
mod services;
mod sqlite;
mod store;
mod thinned;
mod time;
mod together;
mod upkeep;
mod watchdog;
mod world;
