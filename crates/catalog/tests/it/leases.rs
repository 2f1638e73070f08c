//! Leases with fencing.

use std::time::Duration;

use backstay_catalog::{ServerStore, Token};

use crate::world::{at, on_both};

const MINUTE: Duration = Duration::from_secs(60);

on_both!(two_holders_never_hold_one_lease, a_late_holder_is_fenced_off, of_many_claims_one_wins);

async fn two_holders_never_hold_one_lease(store: ServerStore) {
    let token = store.claim("prune", "one", at(0), MINUTE).await.unwrap().unwrap();
    assert_eq!(store.claim("prune", "two", at(59), MINUTE).await.unwrap(), None);
    assert_eq!(
        store.claim("prune", "one", at(59), MINUTE).await.unwrap(),
        None,
        "not even the same holder twice"
    );
    assert!(store.claim("other", "two", at(59), MINUTE).await.unwrap().is_some());
    assert!(store.renew("prune", token, at(59), MINUTE).await.unwrap());
    assert_eq!(store.claim("prune", "two", at(100), MINUTE).await.unwrap(), None);
    assert!(store.release("prune", token).await.unwrap());
    let next = store.claim("prune", "two", at(101), MINUTE).await.unwrap().unwrap();
    assert!(next > token);
    assert!(!store.release("prune", token).await.unwrap(), "it is another's");
    assert!(store.check("prune", next, at(102)).await.unwrap());
}

async fn a_late_holder_is_fenced_off(store: ServerStore) {
    let late = store.claim("prune", "one", at(0), MINUTE).await.unwrap().unwrap();
    assert!(store.check("prune", late, at(59)).await.unwrap());
    assert!(!store.check("prune", late, at(60)).await.unwrap());
    assert!(!store.renew("prune", late, at(60), MINUTE).await.unwrap(), "what has run out is not renewed");
    let next = store.claim("prune", "one", at(60), MINUTE).await.unwrap().unwrap();
    assert_eq!(next, Token(late.0 + 1));
    for (token, valid) in [(late, false), (next, true)] {
        assert_eq!(store.check("prune", token, at(61)).await.unwrap(), valid);
        assert_eq!(store.renew("prune", token, at(61), MINUTE).await.unwrap(), valid);
    }
}

async fn of_many_claims_one_wins(store: ServerStore) {
    for round in 0..5 {
        let claims: Vec<_> = (0..8)
            .map(|holder| {
                let store = store.clone();
                let holder = format!("holder {holder}");
                tokio::spawn(
                    async move { store.claim("prune", &holder, at(round * 60), MINUTE).await.unwrap() },
                )
            })
            .collect();
        let mut won = Vec::new();
        for claim in claims {
            won.extend(claim.await.unwrap());
        }
        assert_eq!(won, [Token(round + 1)]);
    }
}
