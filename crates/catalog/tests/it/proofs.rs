//! What proves that backups can be read, and what shows that they cannot.

use backstay_catalog::{PlanProof, RepositoryFault, RepositoryProof, ServerStore};
use backstay_model::run::{Outcome, OverwriteMode, RestoreRequest, RunDestination, RunError};
use backstay_model::*;

use crate::lasts::{DAY, ended, tell};
use crate::world::{World, at, on_both};

on_both!(
    a_verification_proves_a_repository_and_a_restore_the_plan_that_its_snapshot_is_of,
    a_verification_that_failed_stands_until_a_later_one_completes,
    a_restore_that_found_damage_stands_until_a_verification_completes,
    each_destination_of_a_verification_counts_for_itself,
);

fn of(world: &World, kind: RunKind, day: i64, state: RunState) -> Run {
    Run { kind, ..ended(&world.run(at(day * DAY)), state, 0, 0) }
}

fn verify(world: &World, day: i64, state: RunState) -> Run {
    let mut run = of(world, RunKind::Verify, day, state);
    if state == RunState::Failed {
        run.destinations[0].error = Some("the check found 2 errors".to_owned());
    }
    run
}

fn restore(world: &World, day: i64, state: RunState) -> Run {
    let request = RestoreRequest {
        snapshot: "latest".to_owned(),
        paths: Vec::new(),
        target: "/back".to_owned(),
        overwrite: OverwriteMode::Always,
        delete: false,
        dry_run: false,
        instance: None,
        into: None,
    };
    Run {
        restore: Some(request),
        plan: None,
        source: None,
        error: None,
        ..of(world, RunKind::Restore, day, state)
    }
}

/// It, with the plan that its snapshot told.
fn told(run: Run, plan: Option<PlanId>) -> Run {
    Run { outcome: Some(Outcome { restored_plan: plan, ..Outcome::default() }), ..run }
}

async fn a_verification_proves_a_repository_and_a_restore_the_plan_that_its_snapshot_is_of(
    store: ServerStore,
) {
    let world = World::stored(&store).await;
    let (project, plan) = (world.project.id, Some(world.plan.id));
    let mut dry = told(restore(&world, 5, RunState::Completed), plan);
    dry.restore.as_mut().unwrap().dry_run = true;
    let unknown = [
        verify(&world, 1, RunState::Completed),
        verify(&world, 0, RunState::Completed),
        of(&world, RunKind::Backup, 3, RunState::Completed),
        told(restore(&world, 4, RunState::Completed), None),
        told(restore(&world, 4, RunState::Failed), plan),
        dry,
    ];
    tell(&store, &world, 1, &unknown).await;
    let proof = RepositoryProof { repository: world.repository.id, at: at(DAY + 10) };
    assert_eq!(store.repository_proofs(project).await.unwrap(), [proof]);
    assert_eq!(store.plan_proofs(project).await.unwrap(), []);
    tell(&store, &world, 7, &[told(restore(&world, 6, RunState::Completed), plan)]).await;
    let proof = PlanProof { plan: world.plan.id, at: at(6 * DAY + 10) };
    assert_eq!(store.plan_proofs(project).await.unwrap(), [proof]);
    assert_eq!(store.plan_proofs(World::stored(&store).await.project.id).await.unwrap(), []);
}

async fn a_verification_that_failed_stands_until_a_later_one_completes(store: ServerStore) {
    let world = World::stored(&store).await;
    let faults = async || store.repository_faults(world.project.id).await.unwrap();
    let failed = verify(&world, 2, RunState::Failed);
    // One that is told late, one that somebody ended and a backup do not mend it.
    let after = [
        verify(&world, 1, RunState::Completed),
        failed.clone(),
        verify(&world, 0, RunState::Failed),
        verify(&world, 3, RunState::Cancelled),
        of(&world, RunKind::Backup, 4, RunState::Completed),
    ];
    tell(&store, &world, 1, &after).await;
    let fault = RepositoryFault {
        repository: world.repository.id,
        kind: RunKind::Verify,
        run: failed.id,
        at: at(2 * DAY + 10),
        reason: "the check found 2 errors".to_owned(),
    };
    assert_eq!(faults().await, [fault]);
    store.prune_runs(at(50 * DAY)).await.unwrap();
    assert_eq!(faults().await.len(), 1, "it stands for as long as the repository is not mended");
    tell(&store, &world, 6, &[verify(&world, 5, RunState::Completed)]).await;
    assert_eq!(faults().await, []);
    tell(&store, &world, 7, &[verify(&world, 6, RunState::Failed)]).await;
    assert_eq!(faults().await.len(), 1);
    assert_eq!(store.repository_faults(World::stored(&store).await.project.id).await.unwrap(), []);
}

async fn a_restore_that_found_damage_stands_until_a_verification_completes(store: ServerStore) {
    let world = World::stored(&store).await;
    let faults = async || store.repository_faults(world.project.id).await.unwrap();
    let failed = |day: i64, damaged: bool| Run {
        error: Some(RunError { message: "it is damaged".to_owned(), damaged, ..RunError::default() }),
        ..restore(&world, day, RunState::Failed)
    };
    tell(&store, &world, 1, &[failed(1, false)]).await;
    assert_eq!(faults().await, [], "a disk that was full says nothing about the backup");
    let damaged = failed(2, true);
    let after = [damaged.clone(), told(restore(&world, 3, RunState::Completed), None)];
    tell(&store, &world, 2, &after).await;
    let [fault] = faults().await.try_into().unwrap();
    assert_eq!(
        (fault.kind, fault.run, fault.reason.as_str()),
        (RunKind::Restore, damaged.id, "it is damaged")
    );
    tell(&store, &world, 4, &[verify(&world, 4, RunState::Completed)]).await;
    assert_eq!(faults().await, []);
}

async fn each_destination_of_a_verification_counts_for_itself(store: ServerStore) {
    let world = World::stored(&store).await;
    let mut run = verify(&world, 1, RunState::Failed);
    let other = RepositoryId(uuid::Uuid::from_u128(7));
    let there = RunDestination {
        repository: other,
        state: RunState::Completed,
        error: None,
        ..run.destinations[0].clone()
    };
    run.destinations.push(there);
    tell(&store, &world, 1, &[run]).await;
    let faults = store.repository_faults(world.project.id).await.unwrap();
    assert_eq!(faults.iter().map(|fault| fault.repository).collect::<Vec<_>>(), [world.repository.id]);
    let proofs = store.repository_proofs(world.project.id).await.unwrap();
    assert_eq!(proofs.iter().map(|proof| proof.repository).collect::<Vec<_>>(), [other]);
}
