//! At rest every device equals its slice of the server; without a server, what the first device shows.
//!
//! One comparison serves two invariants: a missing or older row is a change that a pull missed; any other difference is
//! two replicas that disagree. Where no pull can be blamed, a miss is disagreement as well: a system that never pulls, a
//! device that has not asked since, a table of which nothing ever comes down.

use super::effects::in_table;
use super::history::canonical;
use super::peers::needs_server;
use super::{Breach, History, Invariant, Log, Moment};
use crate::model::{Class, Entity, Key, Row, RowState};
use crate::sim::{NodeId, OpId};
use crate::system::{Facts, Verdict, Word};

struct Difference {
    kind: &'static str,
    entity: Entity,
    key: Key,
    field: Option<u8>,
    node: NodeId,
    /// What it is compared with: the server or another device.
    against: NodeId,
    ops: Vec<OpId>,
    shows: String,
}

impl Difference {
    fn is_a_miss(&self) -> bool {
        matches!(self.kind, "missing-row" | "missed-deletion" | "older-row")
    }

    /// Whether no pull can be blamed for a miss: the device has not asked since the change, or nothing of the table ever
    /// comes down to it.
    fn was_never_asked_for(&self, history: &History<'_>) -> bool {
        let view = history.node(self.node);
        let changed = match self.field {
            Some(field) => history.commits.get(&(self.entity, self.key, field)).and_then(|list| list.last()),
            None => history.commits.get(&(self.entity, self.key, 0)).and_then(|list| list.first()),
        };
        let deleted = history.deletions.get(&(self.entity, self.key)).map(|(at, _)| *at);
        let at = deleted.filter(|_| self.kind == "missed-deletion").or(changed.map(|commit| commit.at));
        view.came & 1 << self.entity.0 == 0 || at.is_some_and(|at| view.asked.is_none_or(|asked| asked < at))
    }

    fn tell(&self, history: &History<'_>, log: &mut Log) {
        let breach = Breach { kind: self.kind, entity: self.entity, node: self.node, ops: &self.ops, at: None };
        log.broke(history.domain, breach, || {
            let (scenario, domain) = (history.scenario, history.domain);
            let (node, table) = (scenario.node_name(self.node), domain.entity_name(self.entity));
            let name = scenario.row_name(self.entity, self.key);
            let there = history.place(self.against);
            match (self.kind, self.field) {
                ("missing-row", _) if !self.against.is_server() => {
                    format!("{node} did not show the {table} row of {name}, but {there} did")
                }
                ("missing-row", _) => format!("{node} never got the {table} row of {name}"),
                ("missed-deletion", _) => {
                    format!("{node} still showed the {table} row of {name}, deleted on {there}")
                }
                ("extra-row", _) => format!("{node} showed a {table} row of {name} that {there} does not have"),
                (_, Some(field)) => {
                    let spec = &domain.fields(self.entity)[field as usize];
                    format!("at rest the {} of {name} was {}", spec.name, self.shows)
                }
                _ => format!("at rest the time of making of the {table} row of {name} was {}", self.shows),
            }
        });
    }
}

fn last_writer(row: &Row) -> OpId {
    row.set_by.iter().copied().max().unwrap_or(row.origin).max(row.origin)
}

/// How many rows there are, and the first.
fn count<'r>(mut rows: impl Iterator<Item = &'r Row>) -> (usize, Option<&'r Row>) {
    let first = rows.next();
    (first.map_or(0, |_| 1 + rows.count()), first)
}

type Canonical<'r> = ((Entity, Key), &'r Row);

fn differences(history: &History<'_>, node: NodeId, against: NodeId, server: &[Canonical<'_>]) -> Vec<Difference> {
    let mut found = Vec::new();
    let device = history.by_canonical(node);
    let same = |(a, _): &Canonical<'_>, (b, _): &Canonical<'_>| a == b;
    for rows in server.chunk_by(same) {
        let (entity, key) = rows[0].0;
        let there = rows.iter().map(|(_, row)| *row);
        let due = count(there.filter(|row| !row.deleted && (history.in_scope)(node, row)));
        let here = in_table(&device, entity, key).iter().map(|(_, row)| *row);
        let live = count(here.filter(|row| !row.deleted));
        let difference = |kind, field, ops, shows| Difference { kind, entity, key, field, node, against, ops, shows };
        if let (_, Some(first)) = due
            && live.0 < due.0
        {
            found.push(difference("missing-row", None, vec![last_writer(first)], String::new()));
        }
        if let ((1, Some(theirs)), (1, Some(mine))) = (due, live) {
            compare(history, (node, against), theirs, mine, &mut |kind, field, shows| {
                let by = field.map_or(theirs.origin, |field| theirs.set_by[field as usize]);
                found.push(difference(kind, field, vec![by], shows));
            });
        }
    }
    for rows in device.chunk_by(same) {
        let (entity, key) = rows[0].0;
        let expected = |row: &Row| against.is_server() || (history.in_scope)(against, row);
        let shown = rows.iter().filter(|(_, row)| !row.deleted && row.state != RowState::Dead);
        let live = shown.filter(|(_, row)| expected(row)).count();
        let there = in_table(server, entity, key);
        let due = there.iter().filter(|(_, row)| !row.deleted).count();
        if live > due {
            let known = !there.is_empty() || history.deletions.contains_key(&(entity, key));
            let kind = if known && due == 0 { "missed-deletion" } else { "extra-row" };
            let by = history.deletions.get(&(entity, key)).map_or(rows[0].1.origin, |(_, by)| *by);
            let (field, ops, shows) = (None, vec![by], String::new());
            found.push(Difference { kind, entity, key, field, node, against, ops, shows });
        }
    }
    found
}

fn compare(
    history: &History<'_>,
    (node, against): (NodeId, NodeId),
    theirs: &Row,
    mine: &Row,
    differs: &mut dyn FnMut(&'static str, Option<u8>, String),
) {
    let (name, other) = (history.scenario.node_name(node), history.place(against));
    for (field, spec) in history.domain.fields(mine.entity).iter().enumerate() {
        let (there, here) = (theirs.fields[field], mine.fields[field]);
        let same = match spec.class {
            Class::Assigned => true,
            Class::Reference(to) => match (there.as_key(), here.as_key()) {
                (Some(there), Some(here)) => history.canonical(against, to, there) == history.canonical(node, to, here),
                _ => there == here,
            },
            _ => there == here,
        };
        if same {
            continue;
        }
        // An edit that waits for a human may still be shown by its author.
        let waits = history.op(mine.set_by[field]).is_some_and(|record| {
            record.last_word() == Some(Word::Conflict) || record.verdict() == Some(Verdict::Manual)
        });
        if waits {
            continue;
        }
        let commits = history.commits.get(&(mine.entity, canonical(theirs), field as u8));
        let older = commits.is_some_and(|list| {
            list.split_last()
                .is_some_and(|(last, rest)| last.value == there && rest.iter().any(|one| one.value == here))
        });
        let kind = if older { "older-row" } else { "differs" };
        differs(kind, Some(field as u8), format!("{there} on {other} but {here} on {name}"));
    }
    if theirs.created != 0 && mine.created != 0 && theirs.created != mine.created {
        differs("differs", None, format!("{} on {other} but {} on {name}", theirs.created, mine.created));
    }
}

fn settled(history: &History<'_>) -> Vec<NodeId> {
    let nodes = (1..history.nodes.len()).map(|n| NodeId(n as u16));
    nodes.filter(|node| history.rested && history.is_clean(*node)).collect()
}

fn somebody_else_wrote(history: &History<'_>, node: NodeId) -> bool {
    let wiped = history.node(node).wiped.is_some() || history.scenario.empty_devices;
    wiped || history.ops().any(|record| record.op.node != node && record.committed)
}

/// At rest every device equals its slice of the server.
#[derive(Default)]
pub struct ReplicasConverge;

impl Invariant for ReplicasConverge {
    fn name(&self) -> &'static str {
        "replicas-converge"
    }
    fn promise(&self) -> &'static str {
        "at rest every device equals its slice of the server"
    }
    fn not_checked(&self, facts: &Facts, _: &crate::model::Domain) -> Option<&'static str> {
        let silent = !facts.reports.pulls && !facts.reports.authors;
        silent.then_some("it says neither that devices download nor which op set a field")
    }
    fn wants(&self) -> u8 {
        0
    }
    fn observe(&mut self, _: &History<'_>, _: &Moment<'_>, _: &mut Log) {}
    fn judge(&mut self, history: &History<'_>, log: &mut Log) {
        let mut settled = settled(history);
        let against = match history.facts.server {
            true => NodeId::SERVER,
            false if settled.is_empty() => return,
            false => settled.remove(0),
        };
        let there = history.by_canonical(against);
        for node in settled {
            if history.ops().any(|record| record.committed || !against.is_server() && record.on_others.is_some()) {
                log.exercised();
            }
            for difference in differences(history, node, against, &there) {
                let never_asked = || !history.facts.server || difference.was_never_asked_for(history);
                let blameless = !history.facts.reports.pulls || never_asked();
                if !difference.is_a_miss() || blameless {
                    difference.tell(history, log);
                }
            }
        }
    }
}

/// Each committed change in a device's scope reaches it.
#[derive(Default)]
pub struct PullMissesNothing;

impl Invariant for PullMissesNothing {
    fn name(&self) -> &'static str {
        "pull-misses-nothing"
    }
    fn promise(&self) -> &'static str {
        "each committed change in a device's scope reaches it"
    }
    fn not_checked(&self, facts: &Facts, _: &crate::model::Domain) -> Option<&'static str> {
        needs_server(facts).or_else(|| (!facts.reports.pulls).then_some("its devices do not download what others did"))
    }
    fn wants(&self) -> u8 {
        0
    }
    fn observe(&mut self, _: &History<'_>, _: &Moment<'_>, _: &mut Log) {}
    fn judge(&mut self, history: &History<'_>, log: &mut Log) {
        let server = history.by_canonical(NodeId::SERVER);
        for node in settled(history) {
            if somebody_else_wrote(history, node) {
                log.exercised();
            }
            for difference in differences(history, node, NodeId::SERVER, &server).iter().filter(|one| one.is_a_miss()) {
                difference.tell(history, log);
            }
        }
    }
}
