//! Options of collections, which are compared by what they say.

use backstay_core::Control;
use backstay_sources::mongodb::{CaptureOptions, EntriesDump, Trouble, restore};
use backstay_sources::testing::MongoServer;
use mongodb::bson::doc;

use super::{captured, listing, to_copy};

#[test]
fn a_collection_that_got_another_validator_is_not_taken_for_the_one_of_the_dump() {
    let Some(server) = MongoServer::start_new() else { return };
    let validator = doc! { "a": { "$exists": true } };
    let _ = server.run("shop", doc! { "create": "ruled", "validator": validator });
    server.insert("shop", "ruled", &[doc! { "_id": 1, "a": 1 }]);
    let (sink, _) = captured(&server.connect(), &CaptureOptions::default());
    struct Meddling<'a>(&'a MongoServer);
    impl backstay_core::Events for Meddling<'_> {
        fn bytes_done(&self, _: u64) {
            let listed = listing(self.0, "copy");
            let name = listed[0].get_str("name").unwrap();
            let _ = self.0.run("copy", doc! { "collMod": name, "validator": { "b": { "$exists": true } } });
        }
    }
    let dump = Box::new(EntriesDump::of_folder(sink.path()).unwrap());
    let error =
        restore(&server.connect(), dump, &to_copy(), &Control::new(), &Meddling(&server)).unwrap_err();
    assert_eq!(error.trouble, Trouble::Differs, "{error}");
    assert!(error.to_string().contains("validator"), "{error}");
    assert!(listing(&server, "copy").is_empty());
}
