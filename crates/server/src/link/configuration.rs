//! Puts together what a node has to do by itself, with secrets that it alone can open.

use std::collections::{BTreeMap, HashMap};

use backstay_catalog::{CatalogError, ServerStore};
use backstay_core::Random;
use backstay_model::link::{NodeConfiguration, NodePlan, NodeSource, SealedRepository};
use backstay_model::run::Named;
use backstay_model::{Layout, Node, RepositoryId};
use backstay_vault::Vault;

use crate::repositories::{self, RepositoryError};

/// Why a node's configuration cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] CatalogError),
    /// A repository's secrets cannot be handed over.
    #[error("a repository of the node's plans: {0}")]
    Repository(#[from] RepositoryError),
}

/// What a node has to do: its plans, with the repositories that they need. A destination whose repository is not known yet is
/// left out; it comes with the version that makes it known.
pub(crate) async fn build(
    store: &ServerStore,
    vault: &Vault,
    random: &dyn Random,
    node: &Node,
    version: i64,
) -> Result<NodeConfiguration, ConfigurationError> {
    let sources: HashMap<_, _> = store
        .sources(Some(node.project))
        .await?
        .into_iter()
        .filter(|source| source.node == node.id)
        .map(|source| (source.id, source))
        .collect();
    let destinations: HashMap<_, _> =
        store.destinations(Some(node.project)).await?.into_iter().map(|it| (it.id, it)).collect();
    let mut repositories: BTreeMap<RepositoryId, SealedRepository> = BTreeMap::new();
    let mut plans = Vec::new();
    for plan in store.plans_of_node(node.id).await? {
        let copied = plan.spec.copy.as_ref().map(|copy| copy.from);
        let (mut own, mut from) = (Vec::new(), None);
        for id in copied.iter().chain(&plan.spec.destinations) {
            let Some(destination) = destinations.get(id) else { continue };
            let owner = (destination.layout == Layout::PerNode).then_some(node.id);
            let Some(repository) = store.repository_at(destination.id, owner).await? else { continue };
            if copied == Some(*id) {
                from = Some(repository.id);
            } else {
                own.push(repository.id);
            }
            if let std::collections::btree_map::Entry::Vacant(place) = repositories.entry(repository.id) {
                place.insert(
                    repositories::seal_to(store, vault, random, node, destination, &repository).await?,
                );
            }
        }
        let mut of_node = Vec::new();
        for source in plan.spec.sources.iter().filter_map(|id| sources.get(id)) {
            let connection = match source.spec.connection() {
                Some(id) => Some(repositories::seal_connection(store, vault, random, node, id).await?),
                None => None,
            };
            let named = Named { id: source.id, name: source.name.clone() };
            of_node.push(NodeSource { named, spec: source.spec.clone(), connection });
        }
        plans.push(NodePlan {
            id: plan.id,
            project: plan.project,
            revision: plan.revision,
            since: plan.changed,
            sources: of_node,
            from,
            spec: plan.spec,
            repositories: own,
        });
    }
    Ok(NodeConfiguration { version, plans, repositories: repositories.into_values().collect() })
}
