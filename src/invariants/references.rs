//! Every reference names a row that exists, no temporary id stays, and children come with their parents.
//!
//! A tombstone resolves a reference: the row was there. Rows that are out of a device's scope are not due there.

use super::effects::in_table;
use super::history::canonical;
use super::peers::has_field;
use super::questions::plain;
use super::{Breach, History, Invariant, Log, Moment, OpRecord, wants};
use crate::model::domain::SPLIT;
use crate::model::table::Sorted;
use crate::model::{Class, Domain, Effect, Entity, Key, Row};
use crate::sim::{NodeId, OpId};
use crate::system::{Facts, Rule, Verdict, Word, Write};

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
                match rows.get(&(to, key)) {
                    Some(there) => check_meant(history, log, row, field, there),
                    None if !gone => dangling(history, log, NodeId::SERVER, row, field, to),
                    None => {}
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
                if !history.facts.server {
                    log.exercised();
                }
                if view.rows.contains_key(&(to, key)) {
                    continue;
                }
                let target = history.canonical(node, to, key);
                let excuses = |row: &Row| row.deleted || !(history.in_scope)(node, row);
                let mut others = history.devices().filter(|_| !history.facts.server);
                let elsewhere = history.find(NodeId::SERVER, to, target).is_some_and(excuses)
                    || others.any(|other| history.find(other, to, target).is_some_and(excuses))
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

/// Whether a reference leads to the row that the op which set it has named. What an op does not name itself (the product
/// of a batch that is counted) is left out: its user saw it on the device, under an identity that only the device knew.
fn check_meant(history: &History<'_>, log: &mut Log, row: &Row, field: u8, there: &Row) {
    let Some(record) = history.op(row.set_by[field as usize]).filter(|_| history.facts.reports.authors) else { return };
    let named = || record.op.lines().iter().map(|line| line.key).chain([record.op.target]);
    if !named().any(|key| key.is_made()) {
        return;
    }
    let part = row.part % SPLIT;
    let meant = history.effects(record).into_iter().find_map(|effect| match effect {
        Effect::Create(made) if (made.entity, made.part) == (row.entity, part) => made.get(field).as_key(),
        Effect::Set { entity, key, field: set, value } if (entity, set) == (row.entity, field) => {
            value.as_key().filter(|_| plain(key) == canonical(row))
        }
        _ => None,
    });
    let Some(meant) = meant.filter(|key| named().any(|named| named == *key)) else { return };
    if canonical(there) == meant {
        return;
    }
    let breach = Breach {
        kind: "another-row",
        entity: row.entity,
        node: NodeId::SERVER,
        ops: &[record.op.id, there.origin],
        at: None,
    };
    log.broke(history.domain, breach, || {
        let (scenario, domain) = (history.scenario, history.domain);
        let name = |key| scenario.row_name(there.entity, key);
        format!(
            "the {} of {} referred by {} to {}, where its user had meant {}",
            domain.entity_name(row.entity),
            scenario.op_name(record.op.id),
            domain.fields(row.entity)[field as usize].name,
            name(canonical(there)),
            name(meant)
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
        let deserted = is_deserted(record, made);
        let live = history.find(NodeId::SERVER, *entity, *key).is_some_and(|row| !row.deleted);
        let relied = made.op.node == record.op.node
            && made.at.is_some()
            && made.at < record.at
            && made.is_promised()
            && (deserted || !history.is_gone(made))
            && (deserted || !history.is_orphan(made));
        (meant && relied && !deleted && (about.is_some() || !live)).then_some(maker)
    })
}

/// Whether an op was sent although its device had been told that what it builds on is rejected.
fn is_deserted(record: &OpRecord, made: &OpRecord) -> bool {
    let told = made.told.iter().find(|(_, word)| *word == Word::Rejected);
    told.is_some_and(|(at, _)| record.at < Some(*at) && record.sends.iter().any(|sent| sent >= at))
}

impl Invariant for ReferencesResolve {
    fn name(&self) -> &'static str {
        "references-resolve"
    }
    fn promise(&self) -> &'static str {
        "no dangling parent, no temporary id left, children complete"
    }
    fn not_checked(&self, _: &Facts, domain: &Domain) -> Option<&'static str> {
        let refers = has_field(domain, |class| matches!(class, Class::Reference(_)));
        (!refers).then_some("no row of the business refers to another")
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
