//! An instance of MariaDB whose backup lies in an archive class: it is asked for, waited for and brought back, and runs meanwhile.

use std::time::Duration;

use backstay_model::run::RestoreRequest;
use backstay_model::{ConnectionSettings, RunState};
use backstay_net::testing::S3Server;
use serde_json::json;

use crate::archives::request;
use crate::bucket_faults::freeze;
use crate::cold::Cold;

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_comes_back_from_an_archive_class_once_that_has_thawed() {
    let Some(cold) = Cold::new(json!({})).await else { return };
    let service = tokio::task::block_in_place(S3Server::start);
    service.create_bucket("frozen");
    service.behave(|behaviour| behaviour.thaw_time = Duration::from_secs(3600));
    let credentials = service.settings().credentials.unwrap();
    let settings = || {
        let settings = json!({
            "endpoint": service.url, "bucket": "frozen", "access_key": credentials.access_key_id,
            "allow_private": true, "storage_class": "GLACIER",
        });
        ConnectionSettings::S3(serde_json::from_value(settings).unwrap())
    };
    freeze(&cold.world, settings, credentials.secret_access_key.expose());
    cold.back_up(RunState::Completed).await;
    let _ = cold.instance.sql("INSERT INTO shop.orders VALUES (1000000, 'new')");
    let (now, calls) = (cold.instance.checksum(), cold.instance.calls());

    let run = cold.world.run_id();
    let source = cold.world.hub.configuration.lock().plans[0].sources[0].named.id;
    let request = RestoreRequest { instance: Some(source), ..request("latest", "/".into()) };
    let (project, repository) = (cold.world.project, cold.world.repository());
    let request = Box::new(request);
    cold.world.ask(backstay_model::command::Ask::Restore {
        run,
        project,
        repository,
        request,
        connection: None,
    });
    let waits = cold.world.until(run, "waiting", |run| run.waiting.is_some()).await;
    let reason = waits.waiting.unwrap().reason;
    assert!(reason.contains("were asked for; all can be read within about "), "{reason}");
    assert!(cold.instance.is_running());
    assert_eq!((cold.instance.checksum(), cold.instance.calls()), (now, calls), "it was touched");
    assert!(service.count("RestoreObject") > 0);

    service.thaw();
    let done = cold.ended(run, RunState::Completed).await;
    assert!(done.outcome.unwrap().more.contains_key("tables_checked"));
    assert_eq!(cold.instance.checksum(), cold.before);
    cold.end().await;
    tokio::task::block_in_place(|| drop(service));
}
