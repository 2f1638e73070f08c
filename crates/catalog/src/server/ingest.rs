//! Taking in what nodes tell, each entry exactly once.
//!
//! The number up to which a node's outbox has been taken in is stored in the same transaction as what the entries say. An entry
//! with that number or a lower one was taken in before; one beyond the next shows that something is missing, and it and what
//! follows are left for the node to tell again.

use std::collections::HashMap;

use backstay_model::link::{News, OutboxEntry};
use backstay_model::{DestinationId, LogLine, NodeId, ProjectId, Run, RunId};

use super::changes::Change;
use super::events::{self, Happening};
use super::sums::Ended;
use super::tallies::Tallies;
use super::{ServerStore, log, sums};
use crate::database::{Change as Transaction, Dialect};
use crate::row::{Columns, json, micros, sql};
use crate::{CatalogError, Result};

/// What came of taking entries in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ingested {
    /// Up to which number the node's outbox has been taken in now.
    pub acknowledged: i64,
    /// How many of the entries were new.
    pub taken: usize,
}

/// A taking in, in the making.
struct Work {
    transaction: Transaction,
    dialect: Dialect,
    node: NodeId,
    project: ProjectId,
    tallies: Tallies,
    changes: Vec<Change>,
    happenings: Vec<Happening>,
    /// Runs that lines were told of: whether they are known.
    known: HashMap<RunId, bool>,
}

impl ServerStore {
    /// Takes entries of a node's outbox in, each exactly once, and says up to which number it has them. `incarnation` is the
    /// random number of the node's process: one that another has taken the place of is not listened to.
    ///
    /// # Errors
    /// [`CatalogError::Foreign`] when the node tells of a run of another node or project: nothing is taken in then. When there
    /// is no such node, or the store fails.
    pub async fn ingest(&self, node: NodeId, incarnation: u64, entries: &[OutboxEntry]) -> Result<Ingested> {
        let mut transaction = self.database.change().await?;
        // An update locks the row in both databases: a node's entries are taken in one call after the other.
        let text = "UPDATE nodes SET acknowledged = acknowledged WHERE id = $1 \
                    RETURNING project, acknowledged, incarnation, former_incarnation";
        let row = sql!(text, node.to_string()).fetch_optional(&mut *transaction).await?;
        let row = row.ok_or_else(|| CatalogError::not_found("node", node))?;
        let project = row.parsed("project")?;
        let before = row.int("acknowledged")?;
        let (told, current) = (Some(incarnation.to_string()), row.text_or_none("incarnation")?);
        if current != told && row.text_or_none("former_incarnation")? == told {
            return Ok(Ingested { acknowledged: before, taken: 0 });
        }
        let mut work = Work {
            transaction,
            dialect: self.database.dialect,
            node,
            project,
            tallies: Tallies::default(),
            changes: Vec::new(),
            happenings: Vec::new(),
            known: HashMap::new(),
        };
        let mut acknowledged = before;
        let mut taken = 0;
        for entry in entries {
            if entry.number <= acknowledged {
                continue;
            }
            if entry.number > acknowledged + 1 {
                break;
            }
            work.take(&entry.news).await?;
            acknowledged = entry.number;
            taken += 1;
        }
        if taken == 0 {
            return Ok(Ingested { acknowledged, taken });
        }
        let Work { mut transaction, tallies, mut changes, happenings, .. } = work;
        let text = "UPDATE nodes SET acknowledged = $2 WHERE id = $1";
        sql!(text, node.to_string(), acknowledged).execute(&mut *transaction).await?;
        tallies.store(&mut transaction).await?;
        for happening in &happenings {
            events::add(&mut transaction, happening).await?;
        }
        if !happenings.is_empty() {
            changes.push(Change::EventsWaiting);
        }
        self.commit(transaction, changes).await?;
        Ok(Ingested { acknowledged, taken })
    }
}

impl Work {
    async fn take(&mut self, news: &News) -> Result<()> {
        let (project, node) = (self.project, self.node);
        match news {
            News::Run { run } => self.run(run).await,
            News::Log { lines } => self.lines(lines).await,
            News::Missed { plan, due, more, reason } => {
                let (plan, due, more, reason) = (*plan, *due, *more, reason.clone());
                let runs = more.saturating_add(1);
                sums::count_missed(&mut self.transaction, (project, plan, node), due, runs, Ended::Missed)
                    .await?;
                self.happenings.push(Happening::Missed { project, node, plan, due, more, reason });
                Ok(())
            }
            News::Trouble { text } => {
                self.happenings.push(Happening::Trouble { project, node, text: text.clone() });
                Ok(())
            }
        }
    }

    async fn run(&mut self, run: &Run) -> Result<()> {
        if run.node != self.node || run.project != self.project {
            return Err(self.foreign(run.id));
        }
        let before = self.stored(run.id).await?;
        if let Some(before) = &before {
            if before.node != self.node || before.project != self.project {
                return Err(self.foreign(run.id));
            }
            if before.revision > run.revision {
                return Ok(());
            }
        }
        self.put(run).await?;
        let indexed = |run: &Run| {
            let destinations: Vec<_> = destinations_of(run).collect();
            let (plan, source) = (run.plan.as_ref().map(|it| it.id), run.source.as_ref().map(|it| it.id));
            (run.kind, run.state, run.created, destinations, plan, source)
        };
        if before.as_ref().map(indexed) != Some(indexed(run)) {
            self.put_destinations(run, before.is_some()).await?;
        }
        if let Some(before) = &before {
            self.tallies.count(before, -1);
        }
        self.tallies.count(run, 1);
        if run.state.is_final() && before.is_none_or(|before| !before.state.is_final()) {
            sums::count(&mut self.transaction, run).await?;
            self.happenings.push(Happening::RunEnded { project: run.project, run: run.id, state: run.state });
        }
        self.known.insert(run.id, true);
        self.changes.push(Change::RunChanged { project: run.project, run: run.id });
        Ok(())
    }

    /// A run as it is stored, locked.
    async fn stored(&mut self, id: RunId) -> Result<Option<Run>> {
        let text = match self.dialect {
            Dialect::Sqlite => "SELECT doc FROM runs WHERE id = $1",
            Dialect::Postgres => "SELECT doc FROM runs WHERE id = $1 FOR UPDATE",
        };
        let row = sql!(text, id.to_string()).fetch_optional(&mut *self.transaction).await?;
        row.map(|row| row.doc("doc")).transpose()
    }

    async fn put(&mut self, run: &Run) -> Result<()> {
        let text = "INSERT INTO runs (id, project, node, kind, state, plan, source, created, ended, revision, doc) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO UPDATE SET \
                    kind = excluded.kind, state = excluded.state, plan = excluded.plan, source = excluded.source, \
                    created = excluded.created, ended = excluded.ended, revision = excluded.revision, doc = excluded.doc";
        let (id, project, node) = (run.id.to_string(), run.project.to_string(), run.node.to_string());
        let plan = run.plan.as_ref().map(|plan| plan.id.to_string());
        let source = run.source.as_ref().map(|source| source.id.to_string());
        let (kind, state, created) = (run.kind.name(), run.state.name(), micros(run.created));
        // Without a moment of its end a run that has ended would never be cleared away.
        let ended = run.state.is_final().then(|| micros(run.ended.unwrap_or(run.created)));
        sql!(text, id, project, node, kind, state, plan, source, created, ended, run.revision, json(run)?)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    async fn put_destinations(&mut self, run: &Run, known: bool) -> Result<()> {
        if known {
            let query = sql!("DELETE FROM run_destinations WHERE run = $1", run.id.to_string());
            query.execute(&mut *self.transaction).await?;
        }
        for destination in destinations_of(run) {
            let text = "INSERT INTO run_destinations (destination, run, kind, state, created, project, plan, source, node) \
                        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (run, destination) DO NOTHING";
            let (kind, state, created) = (run.kind.name(), run.state.name(), micros(run.created));
            let (project, node) = (run.project.to_string(), run.node.to_string());
            let plan = run.plan.as_ref().map(|plan| plan.id.to_string());
            let source = run.source.as_ref().map(|source| source.id.to_string());
            let (destination, id) = (destination.to_string(), run.id.to_string());
            sql!(text, destination, id, kind, state, created, project, plan, source, node)
                .execute(&mut *self.transaction)
                .await?;
        }
        Ok(())
    }

    /// Stores lines of runs that are known. A run that was cleared away keeps no log.
    async fn lines(&mut self, lines: &[LogLine]) -> Result<()> {
        let mut wanted = Vec::with_capacity(lines.len());
        let mut last: HashMap<RunId, i64> = HashMap::new();
        for line in lines {
            if !self.is_known(line.run).await? {
                continue;
            }
            wanted.push(line);
            let number = last.entry(line.run).or_default();
            *number = line.number.max(*number);
        }
        log::put(&mut self.transaction, self.project, &wanted).await?;
        let project = self.project;
        self.changes.extend(last.into_iter().map(|(run, last)| Change::LogAppended { project, run, last }));
        Ok(())
    }

    async fn is_known(&mut self, run: RunId) -> Result<bool> {
        if let Some(known) = self.known.get(&run) {
            return Ok(*known);
        }
        let row = sql!("SELECT node FROM runs WHERE id = $1", run.to_string());
        let known = match row.fetch_optional(&mut *self.transaction).await? {
            Some(row) if row.text("node")? == self.node.to_string() => true,
            Some(_) => return Err(self.foreign(run)),
            None => false,
        };
        self.known.insert(run, known);
        Ok(known)
    }

    fn foreign(&self, run: RunId) -> CatalogError {
        CatalogError::Foreign { node: self.node.to_string(), what: format!("run {run}") }
    }
}

/// The destinations that a run goes to, or from.
fn destinations_of(run: &Run) -> impl Iterator<Item = DestinationId> {
    let from = run.from.as_ref().map(|from| from.id);
    run.destinations.iter().map(|destination| destination.id).chain(from)
}
