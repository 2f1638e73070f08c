//! A server whose catalog is of no use says so when it starts, and what to do.

use crate::up::Up;
use crate::world::World;

#[test]
fn a_catalog_that_cannot_be_used_is_told_with_a_remedy() {
    let world = World::new();
    let data = world.at("data");
    let arguments = ["up", "--no-node", "--listen", "127.0.0.1:0", "--data-dir", &data];
    Up::start(&world).stop();
    let refused = |complaint: &str, hint: &str| {
        world.run(arguments).ends_with(1).complains(complaint).complains(hint);
    };

    // Its secrets were sealed by a server with another vault.
    let vault = world.path("data/vault.json");
    let kept = std::fs::read(&vault).unwrap();
    std::fs::remove_file(&vault).unwrap();
    refused("the server cannot start", "the same vault.json");
    std::fs::write(&vault, kept).unwrap();
    Up::start(&world).stop();

    // The first page says that there is a database; all others are overwritten.
    let database = world.path("data/server.db");
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[4096..].fill(0xa5);
    std::fs::write(&database, bytes).unwrap();
    refused("server.db", "restore it from a backup");

    std::fs::remove_file(&database).unwrap();
    std::fs::create_dir(&database).unwrap();
    refused("server.db", "can be written");
}
