//! All that is sealed is found, and sealed anew without any other change.

use backstay_catalog::{Clash, Credentials, SealedPlace, ServerStore};
use backstay_model::*;
use serde_json::json;

use crate::world::{World, at, clashes, id, on_both};

on_both!(all_that_is_sealed_is_found_and_sealed_anew);

async fn all_that_is_sealed_is_found_and_sealed_anew(store: ServerStore) {
    let world = World::stored(&store).await;
    let ada = Person {
        id: PersonId(id()),
        name: "Ada".into(),
        email: "ada@example.org".into(),
        grants: Vec::new(),
        disabled: false,
        totp: false,
        created: at(1),
        last_sign_in: None,
    };
    store.create_person(&ada, &Credentials::default()).await.unwrap();
    store.set_totp(ada.id, Some("code"), &["hash".into()]).await.unwrap();
    assert!(store.use_totp_step(ada.id, 100).await.unwrap());
    store.set_setting("open", &json!(1), None).await.unwrap();
    store.set_setting("mail", &json!(2), Some("password")).await.unwrap();
    let expected = [
        (SealedPlace::Connection(world.connection.id), "sealed"),
        (SealedPlace::Repository(world.repository.id), "sealed too"),
        (SealedPlace::Totp(ada.id), "code"),
        (SealedPlace::Setting("mail".into()), "password"),
    ];
    let found = store.sealed_values().await.unwrap();
    let found: Vec<_> = found.iter().map(|value| (value.place.clone(), &*value.sealed)).collect();
    assert_eq!(found, expected);

    for (place, sealed) in &expected {
        store.reseal(place, sealed, "anew").await.unwrap();
        // Somebody else was first, here with another value.
        assert!(clashes(store.reseal(place, sealed, "late").await, Clash::Revision), "{place:?}");
    }
    assert!(store.sealed_values().await.unwrap().iter().all(|value| value.sealed == "anew"));
    assert_eq!(store.setting("mail").await.unwrap(), Some(json!(2)));
    assert!(!store.use_totp_step(ada.id, 100).await.unwrap(), "a code works again");
    assert_eq!(store.credentials(ada.id).await.unwrap().recovery_codes, ["hash"]);
    let gone = SealedPlace::Setting("gone".into());
    assert!(clashes(store.reseal(&gone, "x", "y").await, Clash::Revision));
}
