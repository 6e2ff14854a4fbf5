//! Receipt numbers, ids and keys are unique.
//!
//! A row whose identity is natural (a link named by the two rows that it joins) may be made again by another op.

use super::history::canonical;
use super::{Breach, History, Invariant, Log, Moment, wants};
use crate::model::{Class, Domain, Entity, Key, Row, Value};
use crate::sim::{NodeId, OpId};
use crate::system::{Facts, Why, Write};
use std::collections::BTreeMap;

/// Receipt numbers, ids and keys are unique.
#[derive(Default)]
pub struct NumbersUnique {
    started: bool,
    holders: BTreeMap<(Entity, u8, Value), Key>,
}

fn numbers<'a>(domain: &'a Domain, row: &'a Row) -> impl Iterator<Item = (u8, Value)> + 'a {
    domain.fields(row.entity).iter().enumerate().filter_map(|(field, spec)| {
        let number = spec.class == Class::Number && row.fields[field].get().is_some();
        number.then_some((field as u8, row.fields[field]))
    })
}

impl NumbersUnique {
    fn check_number(&mut self, history: &History<'_>, log: &mut Log, node: NodeId, row: &Row) {
        for (field, value) in numbers(history.domain, row) {
            let holder = self.holders.insert((row.entity, field, value), row.key).filter(|key| *key != row.key);
            let other = holder.and_then(|key| history.node(node).rows.get(&(row.entity, key)));
            let Some(other) =
                other.filter(|other| !other.deleted && other.get(field) == value && other.origin != row.origin)
            else {
                continue;
            };
            let ops = [other.origin, row.origin];
            let breach = Breach { kind: "number-shared", entity: row.entity, node, ops: &ops, at: None };
            log.broke(history.domain, breach, || {
                let (first, second) = (history.scenario.op_name(ops[0]), history.scenario.op_name(ops[1]));
                format!("{first} and {second} got the same number, {value}")
            });
        }
    }

    /// Fields that no two live rows may share: a practitioner's slot.
    fn check_fields(history: &History<'_>, log: &mut Log, row: &Row) {
        for fields in history.domain.unique_of(row.entity) {
            let (Some(other), Some(last)) = (history.holder(row, fields), fields.last()) else { continue };
            let ops = [other.set_by[*last as usize], row.set_by[*last as usize]];
            let breach =
                Breach { kind: "fields-shared", entity: row.entity, node: NodeId::SERVER, ops: &ops, at: None };
            log.broke(history.domain, breach, || {
                let (scenario, specs) = (history.scenario, history.domain.fields(row.entity));
                let (one, two) =
                    (scenario.row_name(row.entity, canonical(other)), scenario.row_name(row.entity, canonical(row)));
                let names: Vec<&str> = fields.iter().map(|field| specs[*field as usize].name).collect();
                format!("{one} and {two} got the same {}, which only one may have", names.join(" and "))
            });
        }
    }

    fn check_key(history: &History<'_>, log: &mut Log, node: NodeId, write: &Write) {
        let (Some(before), Some(after)) = (&write.before, &write.after) else { return };
        let natural = !after.key.is_made() && !after.key.is_temporary() && after.key.0 >= 1 << 40;
        let same = before.key == after.key && !before.deleted && !after.deleted && before.origin != after.origin;
        if natural || !same || write.why == Why::Purged || after.entity.is_bookkeeping() {
            return;
        }
        let ops: [OpId; 2] = [before.origin, after.origin];
        let breach = Breach { kind: "key-shared", entity: after.entity, node, ops: &ops, at: None };
        log.broke(history.domain, breach, || {
            let (scenario, table) = (history.scenario, history.domain.entity_name(after.entity));
            let first = if ops[0].is_some() { scenario.op_name(ops[0]) } else { "an opening row".to_string() };
            let (second, node) = (scenario.op_name(ops[1]), scenario.node_name(node));
            format!("on {node} the {table} of {second} got the id of {first} and took its place")
        });
    }
}

impl Invariant for NumbersUnique {
    fn name(&self) -> &'static str {
        "numbers-unique"
    }
    fn promise(&self) -> &'static str {
        "receipt numbers, ids and keys are unique"
    }
    fn not_checked(&self, facts: &Facts, _: &Domain) -> Option<&'static str> {
        (!facts.reports.authors).then_some("it does not report which op made a row")
    }
    fn wants(&self) -> u8 {
        wants::WROTE
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        if !self.started {
            self.started = true;
            for (_, row) in &history.scenario.rows {
                for (field, value) in numbers(history.domain, row) {
                    self.holders.insert((row.entity, field, value), row.key);
                }
            }
        }
        let Moment::Wrote(node, write) = moment else { return };
        Self::check_key(history, log, *node, write);
        let here = node.is_server() == history.facts.server;
        if let (true, Some(after)) = (here, write.after.as_ref().filter(|row| !row.deleted)) {
            if write.before.is_none() && after.origin.is_some() {
                log.exercised();
            }
            self.check_number(history, log, *node, after);
            if node.is_server() {
                Self::check_fields(history, log, after);
            }
        }
    }
}
