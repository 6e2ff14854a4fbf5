//! Who may hold what: an op runs as its author, no row leaves its scope, immutable fields stay, and damage is not applied.
//!
//! All of it is decided from single writes.

use super::history::canonical;
use super::{Breach, History, Invariant, Log, Moment, Reach, wants};
use crate::model::{Class, Domain, Row};
use crate::system::Why;

/// An op runs as the user and tenant who made it; no row leaves its tenant or practice.
#[derive(Default)]
pub struct ScopeKept;

impl Invariant for ScopeKept {
    fn name(&self) -> &'static str {
        "scope-kept"
    }
    fn promise(&self) -> &'static str {
        "an op runs as the user and tenant who made it; no row leaves its tenant or practice"
    }
    fn out_of_reach(&self, reach: &Reach) -> Option<&'static str> {
        (!reach.makes).then_some("by the business's transition and pieces no op makes a row")
    }
    fn wants(&self) -> u8 {
        wants::WROTE
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        let Moment::Wrote(node, write) = moment else { return };
        let shown = |row: &&Row| !row.deleted && !row.entity.is_bookkeeping();
        let Some(after) = write.after.as_ref().filter(shown) else { return };
        let scenario = history.scenario;
        let table = history.domain.entity_name(after.entity);
        if let Some(record) = history.op(after.origin)
            && after.actor != 0
            && write.before.as_ref().is_none_or(|before| before.actor != after.actor)
        {
            log.exercised();
            if after.actor != record.op.user {
                let ops = [after.origin];
                let breach = Breach { kind: "wrong-actor", entity: after.entity, node: *node, ops: &ops, at: None };
                log.broke(history.domain, breach, || {
                    let (op, node) = (scenario.op_name(after.origin), scenario.node_name(*node));
                    format!(
                        "the {table} of {op}, done by user {}, ran on {node} as user {}",
                        record.op.user, after.actor
                    )
                });
            }
        }
        let makes = node.is_server() && write.before.is_none() && write.why == Why::Effect;
        if makes
            && let Some(record) = history.op(after.origin)
            && super::rejections::is_forbidden(history, record.op.user)
        {
            let breach =
                Breach { kind: "not-permitted", entity: after.entity, node: *node, ops: &[after.origin], at: None };
            log.broke(history.domain, breach, || {
                let (op, user) = (scenario.op_name(after.origin), record.op.user);
                format!("{op} made a {table} for user {user}, whose permission had been taken away")
            });
        }
        let made = node.is_server() && write.before.is_none();
        if let Some(record) = history.op(after.origin).filter(|_| made)
            && !(history.in_scope)(record.op.node, after)
        {
            let ops = [after.origin];
            let breach = Breach { kind: "made-elsewhere", entity: after.entity, node: *node, ops: &ops, at: None };
            log.broke(history.domain, breach, || {
                let (op, device) = (scenario.op_name(after.origin), scenario.node_name(record.op.node));
                format!("the {table} of {op} was made where {device}, its own device, has no business")
            });
        }
        let foreign = !node.is_server() && write.why == Why::Copied && !history.is_own(*node, after.origin);
        if foreign && !(history.in_scope)(*node, after) {
            let breach = Breach { kind: "leaked", entity: after.entity, node: *node, ops: &[after.origin], at: None };
            log.broke(history.domain, breach, || {
                let name = scenario.row_name(after.entity, canonical(after));
                format!("{} got the {table} {name}, which is none of its business", scenario.node_name(*node))
            });
        }
    }
}

/// Immutable fields (`created_at`) never change.
#[derive(Default)]
pub struct FrozenFieldsFrozen;

/// An entry that the server splits over several batches gets smaller; its rest is in the other rows.
fn is_split(domain: &Domain, before: &Row, after: &Row, field: usize) -> bool {
    let entry = domain.expiry.is_some_and(|law| law.entry == before.entity);
    let amount = domain.ledgers.iter().any(|law| law.entry == before.entity && law.amount as usize == field);
    let (was, is) = (before.fields[field].or_zero(), after.fields[field].or_zero());
    entry && amount && is.abs() < was.abs() && is.signum() == was.signum()
}

impl Invariant for FrozenFieldsFrozen {
    fn name(&self) -> &'static str {
        "frozen-fields-frozen"
    }
    fn promise(&self) -> &'static str {
        "immutable fields (the time of making among them) never change"
    }
    fn out_of_reach(&self, reach: &Reach) -> Option<&'static str> {
        (!reach.frozen).then_some("the business has no frozen field")
    }
    fn wants(&self) -> u8 {
        wants::WROTE
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        let Moment::Wrote(node, write) = moment else { return };
        let (Some(before), Some(after)) = (&write.before, &write.after) else { return };
        if before.deleted || after.deleted || before.origin != after.origin || before.part != after.part {
            return;
        }
        // What the server made of an op before it was restored is not what it makes of it now.
        let undone = !node.is_server() && history.epochs.undone.contains(&after.origin);
        if undone && history.may_be_made_anew(after) {
            return;
        }
        let domain = history.domain;
        let mut changed = None;
        if before.created != 0 {
            log.exercised();
            if before.created != after.created {
                changed = Some("time of making");
            }
        }
        for (field, spec) in domain.fields(before.entity).iter().enumerate() {
            if spec.class == Class::Frozen && before.fields[field].get().is_some() {
                log.exercised();
                if before.fields[field] != after.fields[field]
                    && !is_split(domain, before, after, field)
                    && !(undone && is_split(domain, after, before, field))
                {
                    changed = Some(spec.name);
                }
            }
        }
        if let Some(what) = changed {
            let breach = Breach { kind: "changed", entity: before.entity, node: *node, ops: &[write.op], at: None };
            log.broke(domain, breach, || {
                let name = history.scenario.row_name(before.entity, canonical(before));
                let (node, table) = (history.scenario.node_name(*node), domain.entity_name(before.entity));
                format!("the {what} of the {table} of {name} changed on {node}")
            });
        }
    }
}

/// A payload damaged on the way never changes a row.
#[derive(Default)]
pub struct DamagedNeverApplied;

impl Invariant for DamagedNeverApplied {
    fn name(&self) -> &'static str {
        "damaged-never-applied"
    }
    fn promise(&self) -> &'static str {
        "a payload damaged on the way never changes a row"
    }
    fn out_of_reach(&self, reach: &Reach) -> Option<&'static str> {
        (!reach.damage).then_some("no message is damaged under this profile")
    }
    fn wants(&self) -> u8 {
        wants::WROTE | wants::BETWEEN
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        if !history.damaged {
            return;
        }
        log.exercised();
        let Moment::Wrote(node, write) = moment else { return };
        let shown = |row: &Option<Row>| row.filter(|row| !row.deleted).map(|row| (row.key, row.fields));
        let Some(row) = write.row().filter(|row| !row.entity.is_bookkeeping()) else { return };
        if shown(&write.before) != shown(&write.after) {
            let breach = Breach { kind: "applied", entity: row.entity, node: *node, ops: &[write.op], at: None };
            log.broke(history.domain, breach, || {
                let (table, node) = (history.domain.entity_name(row.entity), history.scenario.node_name(*node));
                let name = history.scenario.row_name(row.entity, canonical(row));
                format!("{node} changed the {table} of {name} because of a message that was damaged on the way")
            });
        }
    }
}
