//! Following the logs of sources between backups: one thread for each source and repository of a plan that asks for it.
//!
//! A follower keeps nothing of its own. Where it goes on from is what the repository has, so that it may end at any time, and what could not be
//! stored is read from the source again. Where the source no longer has it, people are told, and a new backup is queued.

mod follower;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use backstay_core::Control;
use backstay_model::link::{NodeConfiguration, NodePlan, NodeSource, SealedRepository};
use backstay_model::{FollowedLog, Holds, PlanId, RepositoryId, SourceId};
use parking_lot::Mutex;

use self::follower::Follower;
use crate::node::Inner;

/// The logs that a node follows.
#[derive(Default)]
pub(crate) struct Followers {
    all: Mutex<HashMap<Key, Following>>,
    /// Grows whenever what repositories have may have changed otherwise than by following.
    changes: AtomicU64,
    /// Held by who looks whether a backup has to be taken, and has it taken: one is enough for all destinations.
    asking: Mutex<()>,
}

type Key = (PlanId, SourceId, RepositoryId);

struct Following {
    /// The version of the configuration that it follows by.
    version: i64,
    control: Control,
    has_ended: Arc<AtomicBool>,
    told: Arc<Mutex<FollowedLog>>,
}

/// What is to be followed.
struct Wanted<'a> {
    plan: &'a NodePlan,
    source: &'a NodeSource,
    repository: &'a SealedRepository,
}

impl Followers {
    /// What is told of them.
    pub(crate) fn told(&self) -> Vec<FollowedLog> {
        let mut told: Vec<FollowedLog> =
            self.all.lock().values().map(|following| following.told.lock().clone()).collect();
        told.sort_by_key(|log| (log.plan, log.source.id, log.destination.id));
        told
    }

    /// What repositories have may have changed.
    pub(crate) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Has all of them stop; whether they have.
    pub(crate) fn stop(&self) -> bool {
        let mut all = self.all.lock();
        all.values().for_each(|following| following.control.cancel());
        all.retain(|_, following| !following.has_ended.load(Ordering::SeqCst));
        all.is_empty()
    }
}

/// Starts what is to be followed and is not, and stops what is not to be followed any more, or in another way.
pub(crate) fn look(inner: &Arc<Inner>) {
    let configuration = inner.configuration();
    let wanted: HashMap<Key, Wanted<'_>> = wanted(&configuration).collect();
    let mut all = inner.followers.all.lock();
    for (key, following) in all.iter() {
        if !wanted.contains_key(key) || following.version != configuration.version {
            following.control.cancel();
        }
    }
    all.retain(|_, following| !following.has_ended.load(Ordering::SeqCst));
    if inner.is_ending() {
        return;
    }
    for (key, Wanted { plan, source, repository }) in wanted {
        if all.contains_key(&key) {
            continue;
        }
        let (control, has_ended) = (Control::new(), Arc::new(AtomicBool::new(false)));
        let told = Arc::new(Mutex::new(FollowedLog {
            plan: plan.id,
            source: source.named.clone(),
            destination: repository.destination.clone(),
            moments: Vec::new(),
            trouble: None,
        }));
        let follower = Follower::new(inner, (plan, source, repository), control.clone(), Arc::clone(&told));
        let ends = Ends(Arc::clone(&has_ended));
        let started = std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            let _ends = ends;
            follower.go();
        });
        // Without a thread now, there may be one in the next round.
        if started.is_ok() {
            let version = configuration.version;
            let _ = all.insert(key, Following { version, control, has_ended, told });
        }
    }
}

/// Says that a thread has ended, however that came.
struct Ends(Arc<AtomicBool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn wanted(configuration: &NodeConfiguration) -> impl Iterator<Item = (Key, Wanted<'_>)> {
    let plans = configuration.plans.iter().filter(|plan| plan.spec.enabled && plan.spec.continuous.is_some());
    plans.flat_map(move |plan| {
        let sources = plan.sources.iter().filter(|source| source.spec.has_no_log().is_none());
        sources.flat_map(move |source| {
            let known = plan
                .repositories
                .iter()
                .filter_map(|id| configuration.repositories.iter().find(|repository| repository.id == *id));
            let holds = known.filter(|repository| matches!(repository.holds, Holds::Repository));
            holds.map(move |repository| {
                ((plan.id, source.named.id, repository.id), Wanted { plan, source, repository })
            })
        })
    })
}
