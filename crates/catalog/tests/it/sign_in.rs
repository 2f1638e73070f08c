//! People, sessions, tokens, and guessing.

use std::time::Duration;

use backstay_catalog::{Clash, Credentials, KeptPasskey, OneTimeKind, OneTimeToken, ServerStore, Session};
use backstay_model::people::{ApiToken, Passkey};
use backstay_model::{PasskeyId, Person, PersonId, Role, TokenId};

use crate::world::{at, clashes, id, on_both, person};

on_both!(
    people_and_what_they_prove_themselves_with,
    codes_work_once,
    sessions_end,
    tokens_are_found_by_hash,
    passkeys_are_found_by_what_their_device_calls_them,
    one_time_tokens_work_once_even_at_once,
    failures_are_counted_and_forgotten,
    odd_text_is_taken,
);

async fn people_and_what_they_prove_themselves_with(store: ServerStore) {
    let ada = person("Ada@Example.org");
    let credentials = Credentials { password_hash: Some("$argon2".into()), ..Credentials::default() };
    store.create_person(&ada, &credentials).await.unwrap();
    assert!(clashes(store.create_person(&person("ada@example.ORG"), &credentials).await, Clash::Name));
    assert_eq!(store.person_by_email(" ADA@example.org").await.unwrap(), Some(ada.clone()));
    assert_eq!(store.credentials(ada.id).await.unwrap(), credentials);
    assert!(!format!("{credentials:?}").contains("argon2"));

    store.set_totp(ada.id, Some("sealed"), &["a".into(), "b".into()]).await.unwrap();
    store.set_password(ada.id, Some("$other")).await.unwrap();
    store.signed_in(ada.id, at(5)).await.unwrap();
    // Neither code, password nor sign-in is lost when somebody changes the name.
    store.update_person(&Person { name: "Countess".into(), ..ada.clone() }).await.unwrap();
    let stored = store.person(ada.id).await.unwrap().unwrap();
    assert_eq!((stored.name.as_str(), stored.totp, stored.last_sign_in), ("Countess", true, Some(at(5))));
    let kept = store.credentials(ada.id).await.unwrap();
    assert_eq!(kept.password_hash.as_deref(), Some("$other"));
    assert_eq!(kept.recovery_codes, ["a", "b"]);
    assert_eq!(store.people().await.unwrap(), [stored]);
    store.delete_person(ada.id).await.unwrap();
    assert_eq!(store.person(ada.id).await.unwrap(), None);
    assert!(store.credentials(ada.id).await.is_err());
}

async fn codes_work_once(store: ServerStore) {
    let ada = person("ada@example.org");
    store.create_person(&ada, &Credentials::default()).await.unwrap();
    store.set_totp(ada.id, Some("sealed"), &["hash".into()]).await.unwrap();
    assert!(store.use_totp_step(ada.id, 100).await.unwrap());
    assert!(!store.use_totp_step(ada.id, 100).await.unwrap());
    assert!(!store.use_totp_step(ada.id, 99).await.unwrap());
    assert!(store.use_totp_step(ada.id, 101).await.unwrap());
    let tries = (store.use_recovery_code(ada.id, "hash"), store.use_recovery_code(ada.id, "hash"));
    let (one, other) = tokio::join!(tries.0, tries.1);
    assert!(one.unwrap() ^ other.unwrap());
    assert!(!store.use_recovery_code(ada.id, "never").await.unwrap());
}

fn session(person: PersonId, hash: &str, created: i64, expires: i64) -> Session {
    Session {
        hash: hash.into(),
        person,
        created: at(created),
        last_used: at(created),
        expires: at(expires),
        user_agent: "test".into(),
        address: "192.0.2.1".into(),
    }
}

async fn sessions_end(store: ServerStore) {
    let ada = person("ada@example.org");
    store.create_person(&ada, &Credentials::default()).await.unwrap();
    for (hash, created, expires) in [("one", 1, 100), ("two", 2, 200), ("three", 3, 300)] {
        store.create_session(&session(ada.id, hash, created, expires)).await.unwrap();
    }
    assert!(store.session("one", at(99)).await.unwrap().is_some());
    assert!(store.session("one", at(100)).await.unwrap().is_none());
    store.touch_session("two", at(60)).await.unwrap();
    store.touch_session("two", at(50)).await.unwrap();
    assert_eq!(store.session("two", at(99)).await.unwrap().unwrap().last_used, at(60));
    let hashes = async |now| {
        let sessions = store.sessions_of(ada.id, at(now)).await.unwrap();
        sessions.into_iter().map(|session| session.hash).collect::<Vec<_>>()
    };
    assert_eq!(hashes(0).await, ["three", "two", "one"]);
    assert_eq!(store.prune_sessions(at(100), at(3)).await.unwrap(), 1);
    assert_eq!(hashes(0).await, ["three", "two"]);
    assert_eq!(store.delete_sessions_of(ada.id, Some("two")).await.unwrap(), 1);
    store.delete_session(ada.id, "two").await.unwrap();
    assert!(store.delete_session(ada.id, "two").await.is_err());
    store.create_session(&session(ada.id, "four", 4, 400)).await.unwrap();
    store.delete_person(ada.id).await.unwrap();
    assert!(store.session("four", at(5)).await.unwrap().is_none());
}

async fn tokens_are_found_by_hash(store: ServerStore) {
    let ada = person("ada@example.org");
    store.create_person(&ada, &Credentials::default()).await.unwrap();
    let token = ApiToken {
        id: TokenId(id()),
        person: ada.id,
        name: "script".into(),
        role: Role::Operator,
        project: None,
        created: at(0),
        expires: Some(at(1000)),
        last_used: None,
    };
    store.create_token(&token, "hash").await.unwrap();
    assert_eq!(store.token_by_hash("hash").await.unwrap(), Some(token.clone()));
    assert_eq!(store.token_by_hash("other").await.unwrap(), None);
    for (now, told) in [(10, 10), (50, 10), (70, 70)] {
        store.touch_token(token.id, at(now)).await.unwrap();
        assert_eq!(store.tokens_of(ada.id).await.unwrap()[0].last_used, Some(at(told)), "to the minute");
    }
    assert!(store.delete_token(PersonId(id()), token.id).await.is_err(), "it is another's");
    store.delete_token(ada.id, token.id).await.unwrap();
    assert_eq!(store.token_by_hash("hash").await.unwrap(), None);
}

async fn passkeys_are_found_by_what_their_device_calls_them(store: ServerStore) {
    let ada = person("ada@example.org");
    store.create_person(&ada, &Credentials::default()).await.unwrap();
    let kept = |credential: &str, created| KeptPasskey {
        passkey: Passkey {
            id: PasskeyId(id()),
            person: ada.id,
            name: "phone".into(),
            host: "backup.example.org".into(),
            created: at(created),
            last_used: None,
        },
        credential: credential.into(),
        key: "counter 0".into(),
    };
    let (first, second) = (kept("first", 0), kept("second", 1));
    store.create_passkey(&first).await.unwrap();
    store.create_passkey(&second).await.unwrap();
    assert!(store.create_passkey(&kept("first", 2)).await.is_err(), "a device's id stands for one passkey");
    assert_eq!(store.passkeys_of(ada.id).await.unwrap(), [second.clone(), first.clone()]);
    assert_eq!(store.passkey_by_credential("first").await.unwrap(), Some(first.clone()));
    assert_eq!(store.passkey_by_credential("third").await.unwrap(), None);

    let id = first.passkey.id;
    assert!(store.passkey_used(id, "counter 0", "counter 1", at(5)).await.unwrap());
    assert!(!store.passkey_used(id, "counter 0", "counter 1", at(6)).await.unwrap(), "that was before");
    let used = store.passkey_by_credential("first").await.unwrap().unwrap();
    assert_eq!((used.key.as_str(), used.passkey.last_used), ("counter 1", Some(at(5))));

    assert!(store.delete_passkey(PersonId(crate::world::id()), id).await.is_err(), "it is another's");
    store.delete_passkey(ada.id, id).await.unwrap();
    assert_eq!(store.passkey_by_credential("first").await.unwrap(), None);
    store.delete_person(ada.id).await.unwrap();
    assert_eq!(store.passkey_by_credential("second").await.unwrap(), None);
}

async fn one_time_tokens_work_once_even_at_once(store: ServerStore) {
    let token = |hash: &str, kind| OneTimeToken {
        hash: hash.into(),
        kind,
        about: serde_json::json!({ "name": "mast" }),
        created: at(0),
        expires: at(100),
    };
    let join = token("join", OneTimeKind::AgentJoin);
    store.create_one_time(&join).await.unwrap();
    store.create_one_time(&token("reset", OneTimeKind::PasswordReset)).await.unwrap();
    let none = store.use_one_time(OneTimeKind::Setup, "join", at(1)).await.unwrap();
    assert_eq!(none, None, "it is good for something else");
    assert_eq!(
        store.use_one_time(OneTimeKind::AgentJoin, "join", at(100)).await.unwrap(),
        None,
        "it has expired"
    );
    assert_eq!(store.one_time(OneTimeKind::AgentJoin, "join", at(1)).await.unwrap(), Some(join.clone()));
    assert_eq!(store.one_times(OneTimeKind::AgentJoin, at(1)).await.unwrap(), std::slice::from_ref(&join));

    let tries: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(
                async move { store.use_one_time(OneTimeKind::AgentJoin, "join", at(1)).await.unwrap() },
            )
        })
        .collect();
    let mut won = Vec::new();
    for one in tries {
        won.extend(one.await.unwrap());
    }
    assert_eq!(won, [join]);
    assert_eq!(store.prune_one_times(at(100)).await.unwrap(), 1);
    assert!(store.delete_one_time(OneTimeKind::PasswordReset, "reset").await.is_err());
}

async fn failures_are_counted_and_forgotten(store: ServerStore) {
    let memory = Duration::from_secs(60);
    assert_eq!(store.failures("ada").await.unwrap(), None);
    for (now, expected) in [(0, 1), (30, 2), (80, 3), (141, 1)] {
        let throttle = store.count_failure("ada", at(now), memory).await.unwrap();
        assert_eq!((throttle.failures, throttle.last), (expected, at(now)));
    }
    assert_eq!(store.failures("ada").await.unwrap().unwrap().failures, 1);
    store.clear_failures("ada").await.unwrap();
    assert_eq!(store.failures("ada").await.unwrap(), None);
    store.count_failure("ada", at(0), memory).await.unwrap();
    assert_eq!(store.prune_failures(at(1)).await.unwrap(), 1);
}

async fn odd_text_is_taken(store: ServerStore) {
    assert_eq!(store.person_by_email("a\0b").await.unwrap(), None);
    store.count_failure("a\0b", at(0), Duration::from_secs(1)).await.unwrap();
    assert!(store.failures("a\0b").await.unwrap().is_some());
    let odd = Person { name: "\0 ' \" \u{1f98a}".into(), ..person("'; DROP TABLE people; --") };
    store.create_person(&odd, &Credentials::default()).await.unwrap();
    assert_eq!(store.person(odd.id).await.unwrap(), Some(odd));
}
