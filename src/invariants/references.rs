//! Every reference names a row that exists, no temporary id stays, and children come with their parents.
//!
//! A tombstone resolves a reference: the row was there. Rows that are out of a device's scope are not due there.

use super::effects::in_table;
use super::history::canonical;
use super::questions::plain;
use super::{Breach, History, Invariant, Log, Moment, wants};
use crate::model::table::Sorted;
use crate::model::{Class, Entity, Key, Row};
use crate::sim::{NodeId, OpId};
use crate::system::{Rule, Verdict, Write};

/// No dangling parent, no temporary id left, children complete.
#[derive(Default)]
pub struct ReferencesResolve {
    touched: Sorted<(Entity, Key)>,
    removed: Sorted<(Entity, Key)>,
}

fn references<'a>(history: &'a History<'_>, row: &'a Row) -> impl Iterator<Item = (u8, Entity, Key)> + 'a {
    history.domain.fields(row.entity).iter().enumerate().filter_map(|(field, spec)| {
        let Class::Reference(to) = spec.class else { return None };
        let key = row.fields[field].as_key().filter(|key| *key != Key::NONE)?;
        Some((field as u8, to, key))
    })
}

impl ReferencesResolve {
    fn wrote(&mut self, history: &History<'_>, write: &Write) {
        if let Some(before) = &write.before
            && write.after.as_ref().is_none_or(|after| after.key != before.key)
        {
            self.removed.insert((before.entity, before.key));
        }
        if let Some(after) = &write.after
            && !after.deleted
            && references(history, after).next().is_some()
        {
            self.touched.insert((after.entity, after.key));
        }
    }

    fn check_server(&mut self, history: &History<'_>, log: &mut Log) {
        let rows = &history.server().rows;
        for at in self.touched.iter() {
            let Some(row) = rows.get(at).filter(|row| !row.deleted) else { continue };
            for (field, to, key) in references(history, row) {
                log.exercised();
                let gone = self.removed.contains(&(to, key)) || history.deletions.contains_key(&(to, key));
                if !rows.contains_key(&(to, key)) && !gone {
                    dangling(history, log, NodeId::SERVER, row, field, to);
                }
            }
        }
        self.touched.clear();
    }

    fn check_device(&self, history: &History<'_>, log: &mut Log, node: NodeId) {
        let view = history.node(node);
        for row in view.rows.values().filter(|row| !row.deleted && !row.entity.is_bookkeeping()) {
            let temporary = row.key.is_temporary() || references(history, row).any(|(_, _, key)| key.is_temporary());
            if temporary {
                let breach = Breach { kind: "temporary-left", entity: row.entity, node, ops: &[row.origin], at: None };
                log.broke(history.domain, breach, || {
                    let name = history.scenario.row_name(row.entity, canonical(row));
                    let table = history.domain.entity_name(row.entity);
                    let node = history.scenario.node_name(node);
                    format!("at rest the {table} row of {name} on {node} still carried a temporary id")
                });
                continue;
            }
            for (field, to, key) in references(history, row) {
                if view.rows.contains_key(&(to, key)) {
                    continue;
                }
                let target = history.canonical(node, to, key);
                let there = history.find(NodeId::SERVER, to, target);
                let elsewhere = there.is_some_and(|row| row.deleted || !(history.in_scope)(node, row))
                    || history.deletions.contains_key(&(to, target))
                    || self.removed.contains(&(to, key));
                if !elsewhere {
                    dangling(history, log, node, row, field, to);
                }
            }
        }
        if !history.facts.reports.pulls {
            return;
        }
        let shows =
            |row: &Row| view.rows.get(&(row.entity, row.key)).is_some_and(|shown| canonical(shown) == canonical(row));
        let due = |row: &&Row| !row.deleted && !row.entity.is_bookkeeping() && (history.in_scope)(node, row);
        let mut absent = history.server().rows.values().filter(|row| !shows(row)).filter(due).peekable();
        if absent.peek().is_none() {
            return;
        }
        let here = history.by_canonical(node);
        for row in absent {
            if !in_table(&here, row.entity, canonical(row)).is_empty() {
                continue;
            }
            let parent = references(history, row).find(|(_, to, key)| {
                let parent = history.server().rows.get(&(*to, *key));
                parent.is_some_and(|parent| {
                    let shown = in_table(&here, *to, canonical(parent));
                    parent.origin == row.origin && shown.iter().any(|(_, row)| !row.deleted)
                })
            });
            if let Some((_, to, key)) = parent {
                let breach =
                    Breach { kind: "children-missing", entity: row.entity, node, ops: &[row.origin], at: None };
                log.broke(history.domain, breach, || {
                    let parent = history.scenario.row_name(to, history.canonical(NodeId::SERVER, to, key));
                    let (table, child) = (history.domain.entity_name(to), history.domain.entity_name(row.entity));
                    format!("{} showed the {table} {parent} without its {child}", history.scenario.node_name(node))
                });
            }
        }
    }
}

fn dangling(history: &History<'_>, log: &mut Log, node: NodeId, row: &Row, field: u8, to: Entity) {
    let breach = Breach { kind: "dangling", entity: row.entity, node, ops: &[row.origin], at: None };
    log.broke(history.domain, breach, || {
        let (scenario, domain) = (history.scenario, history.domain);
        let name = scenario.row_name(row.entity, canonical(row));
        let (table, target) = (domain.entity_name(row.entity), domain.entity_name(to));
        let spec = &domain.fields(row.entity)[field as usize];
        format!(
            "on {} the {table} row of {name} referred by {} to a {target} that is not there",
            scenario.node_name(node),
            spec.name
        )
    });
}

/// The op of the same device that made what `op` was refused for, if its user had every reason to rely on it.
fn maker_relied_on(history: &History<'_>, op: OpId, about: Key) -> Option<OpId> {
    let record = history.op(op)?;
    if history.node(record.op.node).wiped.is_some() {
        return None;
    }
    let mut keys = history.referred(record);
    if keys.iter().any(|(_, key)| *key == plain(about)) {
        keys.retain(|(_, key)| *key == plain(about));
    }
    let about = about.maker().map(|(maker, _)| maker);
    keys.iter().find_map(|(entity, key)| {
        let (maker, _) = key.maker()?;
        let made = history.op(maker)?;
        let deleted = history.deletions.contains_key(&(*entity, *key))
            || history.taken_away.contains_key(&(record.op.node, *entity, *key));
        let meant = about.is_none_or(|about| about == maker);
        let live = history.find(NodeId::SERVER, *entity, *key).is_some_and(|row| !row.deleted);
        let relied = made.op.node == record.op.node
            && made.at.is_some()
            && made.at < record.at
            && made.is_promised()
            && !history.is_gone(made)
            && !history.is_orphan(made);
        (meant && relied && !deleted && (about.is_some() || !live)).then_some(maker)
    })
}

impl Invariant for ReferencesResolve {
    fn name(&self) -> &'static str {
        "references-resolve"
    }
    fn promise(&self) -> &'static str {
        "no dangling parent, no temporary id left, children complete"
    }
    fn wants(&self) -> u8 {
        wants::WROTE_ON_SERVER | wants::DECIDED | wants::BETWEEN_ON_SERVER
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        match moment {
            Moment::Wrote(NodeId::SERVER, write) => self.wrote(history, write),
            Moment::Between(NodeId::SERVER) => self.check_server(history, log),
            Moment::Decided(op, Verdict::Rejected { rule: Rule::Missing, about, .. }) => {
                log.exercised();
                if let Some(maker) = maker_relied_on(history, *op, *about) {
                    let mut pieces = Vec::new();
                    let made = history.op(maker).expect("a maker that was relied on has a record");
                    (history.domain.pieces)(&made.op, &mut pieces);
                    let entity = pieces.first().map_or(Entity(0), |piece| piece.entity);
                    let breach = Breach {
                        kind: "refused-as-missing",
                        entity,
                        node: NodeId::SERVER,
                        ops: &[maker, *op],
                        at: None,
                    };
                    log.broke(history.domain, breach, || {
                        let (name, maker) = (history.scenario.op_name(*op), history.scenario.op_name(maker));
                        format!("the server refused {name} for want of {maker}, which its own device had made before")
                    });
                }
            }
            _ => {}
        }
    }
    fn judge(&mut self, history: &History<'_>, log: &mut Log) {
        if history.rested {
            for n in 1..history.nodes.len() {
                let node = NodeId(n as u16);
                if history.is_clean(node) {
                    self.check_device(history, log, node);
                }
            }
        }
    }
}
