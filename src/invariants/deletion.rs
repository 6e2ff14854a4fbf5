//! A deleted row comes back only through an op that means to.
//!
//! An op means to if its user had seen the deletion, or if it makes that very row (a link between the same two rows) and
//! had not made it before. A deletion that a device never learned of is for [`super::convergence`] to say.

use super::history::canonical;
use super::peers::authors;
use super::{Breach, History, Invariant, Log, Moment, Reach, wants};
use crate::model::{Class, Domain, Effect, Entity, Key, Row};
use crate::sim::{NodeId, OpId, Time};
use crate::system::{Facts, Why, Write};
use std::collections::BTreeMap;

struct Return {
    row: Row,
    deletion: OpId,
}

/// A deleted row comes back only through an op that means to.
#[derive(Default)]
pub struct DeletedStaysDeleted {
    /// Rows deleted on the server, by the identity that they have there.
    deleted: BTreeMap<(Entity, Key), (Time, OpId)>,
    /// When a device first showed a row as deleted.
    known: BTreeMap<(NodeId, Entity, Key), Time>,
    /// Rows that came back on a device in a handler that is not over yet.
    returned: BTreeMap<NodeId, Vec<Return>>,
}

impl DeletedStaysDeleted {
    fn means_to(&self, history: &History<'_>, op: OpId, row: &Row, deleted_at: Time) -> bool {
        let Some(record) = history.op(op) else { return false };
        let key = canonical(row);
        let known = self.known.get(&(record.op.node, row.entity, key));
        if known.is_some_and(|known| record.at.is_some_and(|at| at >= *known)) {
            return true;
        }
        let made_before = (0..history.domain.fields(row.entity).len() as u8).any(|field| {
            let list = history.commits.get(&(row.entity, key, field));
            list.is_some_and(|list| list.iter().any(|commit| commit.op == op && commit.at < deleted_at))
        });
        let makes_it = history.effects(record).iter().any(
            |effect| matches!(effect, Effect::Create(made) if made.entity == row.entity && canonical(made) == key),
        );
        (row.origin == op || makes_it) && !made_before
    }

    fn came_back(&self, history: &History<'_>, log: &mut Log, node: NodeId, row: &Row, ops: [OpId; 2]) {
        let breach = Breach { kind: "came-back", entity: row.entity, node, ops: &ops, at: None };
        log.broke(history.domain, breach, || {
            let scenario = history.scenario;
            let (table, name) = (history.domain.entity_name(row.entity), scenario.row_name(row.entity, canonical(row)));
            let deletion = scenario.op_name(ops[0]);
            let brings = if history.facts.server { "a download" } else { "what another device sent" };
            let by = if ops[1].is_some() { scenario.op_name(ops[1]) } else { brings.to_string() };
            let node = scenario.node_name(node);
            format!("the {table} {name}, deleted by {deletion}, came back on {node} through {by}")
        });
    }

    fn server_wrote(&mut self, history: &History<'_>, write: &Write, log: &mut Log) {
        let before = write.before.as_ref().filter(|row| !row.deleted);
        let after = write.after.as_ref().filter(|row| !row.deleted);
        match (before, after) {
            (Some(before), None) if write.why == Why::Effect => {
                self.deleted.insert((before.entity, before.key), (history.now, write.op));
                self.deleted.insert((before.entity, canonical(before)), (history.now, write.op));
            }
            (None, Some(after)) => {
                let found =
                    [after.key, canonical(after)].into_iter().find_map(|key| self.deleted.get(&(after.entity, key)));
                // Taking the deletion itself back, as decided, brings the row back rightly.
                if let Some((at, deletion)) = found.copied()
                    && write.why != Why::RolledBack
                {
                    log.exercised();
                    if !self.means_to(history, write.op, after, at) {
                        self.came_back(history, log, NodeId::SERVER, after, [deletion, write.op]);
                    }
                }
            }
            (Some(before), Some(after)) => field_came_back(history, write, before, after, log),
            _ => {}
        }
    }

    fn device_wrote(&mut self, history: &History<'_>, node: NodeId, write: &Write) {
        let before = write.before.as_ref().filter(|row| !row.deleted);
        let after = write.after.as_ref().filter(|row| !row.deleted);
        let dead = write.row().filter(|_| after.is_none());
        if let Some(row) = dead.filter(|_| !matches!(write.why, Why::Renamed | Why::RolledBack)) {
            self.known.entry((node, row.entity, canonical(row))).or_insert(history.now);
        }
        if let (None, Some(row)) = (before, after)
            && let Some((at, deletion)) = history.taken_away.get(&(node, row.entity, canonical(row)))
            && history.is_own(node, *deletion)
            && *at <= history.now
            && write.why != Why::RolledBack
        {
            self.returned.entry(node).or_default().push(Return { row: *row, deletion: *deletion });
        }
    }

    /// Without a server: a device that has shown a row as deleted shows it live again.
    fn came_back_among_devices(&mut self, history: &History<'_>, node: NodeId, write: &Write, log: &mut Log) {
        let live = |row: &Option<Row>| row.as_ref().is_some_and(|row| !row.deleted);
        let Some(row) = write.after.as_ref().filter(|_| !live(&write.before) && live(&write.after)) else { return };
        let key = canonical(row);
        let known = self.known.get(&(node, row.entity, key));
        let wiped = history.node(node).wiped;
        let Some((_, deletion)) = history.deletions.get(&(row.entity, key)) else { return };
        if known.is_none_or(|known| wiped.is_some_and(|wiped| *known <= wiped)) || write.why == Why::RolledBack {
            return;
        }
        // What makes the row again must be an op that the deletion has not seen, or one that has seen the deletion.
        let means_to = |op: OpId| {
            let Some(record) = history.op(op) else { return false };
            let had_seen = self.known.get(&(record.op.node, row.entity, key)).is_some_and(|at| record.at >= Some(*at));
            let makes = history.effects(record).iter().any(
                |effect| matches!(effect, Effect::Create(made) if (made.entity, canonical(made)) == (row.entity, key)),
            );
            had_seen || makes && !history.knew(*deletion, op)
        };
        if !authors(row).chain([write.op]).any(means_to) {
            self.came_back(history, log, node, row, [*deletion, write.op]);
        }
    }

    fn check_device(&mut self, history: &History<'_>, node: NodeId, log: &mut Log) {
        for Return { row, deletion } in self.returned.remove(&node).unwrap_or_default() {
            let Some(record) = history.op(deletion) else { continue };
            // A deletion that a restore took back is made again, in the order in which devices call.
            let decided = history.epochs.undone.contains(&deletion)
                || history.is_gone(record)
                || history.deletions.contains_key(&(row.entity, canonical(&row)));
            let anew = history.op(row.origin).is_some_and(|maker| maker.op.node == node && maker.at > record.at);
            let live = history.find(node, row.entity, canonical(&row)).is_some_and(|row| !row.deleted);
            if live && !decided && !anew && record.is_promised() && !history.is_forgotten(record) {
                self.came_back(history, log, node, &row, [deletion, row.origin]);
            }
        }
    }
}

/// A field that was emptied on the server and gets the value of an older write again.
fn field_came_back(history: &History<'_>, write: &Write, before: &Row, after: &Row, log: &mut Log) {
    for (field, spec) in history.domain.fields(after.entity).iter().enumerate() {
        let (was, is) = (before.fields[field], after.fields[field]);
        if !matches!(spec.class, Class::Plain | Class::Reference(_)) || was.get().is_some() || is.get().is_none() {
            continue;
        }
        let (emptied, by) = (before.set_by[field], after.set_by[field]);
        if !emptied.is_some() || write.why == Why::RolledBack {
            continue;
        }
        let key = canonical(after);
        let Some(list) = history.commits.get(&(after.entity, key, field as u8)) else { continue };
        let then = list.iter().position(|commit| commit.op == emptied && commit.value == was);
        let stale = then.is_some_and(|then| list[..then].iter().any(|commit| commit.op == by && commit.value == is));
        log.exercised();
        if stale {
            let ops = [emptied, write.op];
            let breach =
                Breach { kind: "field-came-back", entity: after.entity, node: NodeId::SERVER, ops: &ops, at: None };
            log.broke(history.domain, breach, || {
                let name = history.scenario.row_name(after.entity, key);
                let emptied = history.scenario.op_name(emptied);
                format!("the {} of {name}, emptied by {emptied}, got its old value {is} again", spec.name)
            });
        }
    }
}

impl Invariant for DeletedStaysDeleted {
    fn name(&self) -> &'static str {
        "deleted-stays-deleted"
    }
    fn promise(&self) -> &'static str {
        "a deleted row comes back only through an op that means to"
    }
    fn not_checked(&self, facts: &Facts, _: &Domain) -> Option<&'static str> {
        // Among devices the tags alone say which of two writes had seen the other.
        (!facts.server && !facts.reports.authors).then_some("it does not report which op set a field")
    }
    fn out_of_reach(&self, reach: &Reach) -> Option<&'static str> {
        (!reach.deletes).then_some("by the business's transition no op deletes anything")
    }
    fn wants(&self) -> u8 {
        wants::WROTE | wants::BETWEEN
    }
    fn restored(&mut self, _: &History<'_>, made: Time) {
        self.deleted.retain(|_, (at, _)| *at <= made);
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        match moment {
            Moment::Wrote(_, write) if write.row().is_some_and(|row| row.entity.is_bookkeeping()) => {}
            Moment::Wrote(NodeId::SERVER, write) => self.server_wrote(history, write, log),
            Moment::Wrote(node, write) if !history.facts.server => {
                self.came_back_among_devices(history, *node, write, log);
                self.device_wrote(history, *node, write);
            }
            Moment::Wrote(node, write) => self.device_wrote(history, *node, write),
            Moment::Between(node) if !self.returned.is_empty() && history.facts.server => {
                self.check_device(history, *node, log)
            }
            _ => {}
        }
    }
    fn judge(&mut self, history: &History<'_>, log: &mut Log) {
        let known_elsewhere = self.known.keys().any(|(node, entity, key)| {
            let deletion = history.deletions.get(&(*entity, *key));
            deletion.is_some_and(|(_, by)| !history.is_own(*node, *by))
        });
        if !self.deleted.is_empty() || !history.facts.server && known_elsewhere {
            log.exercised();
        }
    }
}
