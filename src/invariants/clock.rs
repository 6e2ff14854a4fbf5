//! The outcome does not depend on a device's wall clock beyond the stated bound.
//!
//! One run cannot show it: whoever runs campaigns runs the scenario again without its clock deviations and asks
//! [`twin_differs`]. The invariant itself only notes that a clock was wrong.

use super::history::canonical;
use super::peers::needs_server;
use super::{History, Invariant, Log, Moment, Violation, wants};
use crate::model::{Class, Domain, Entity, Key, Row, Scenario, Value};
use crate::sim::{NodeId, OpId, Time};
use crate::system::{Facts, Rule, Verdict, Word};
use std::collections::BTreeMap;

/// The outcome does not depend on a device's wall clock beyond the stated bound.
#[derive(Default)]
pub struct ClockIrrelevant;

const NAME: &str = "clock-irrelevant";

impl Invariant for ClockIrrelevant {
    fn name(&self) -> &'static str {
        NAME
    }
    fn promise(&self) -> &'static str {
        "the outcome does not depend on a device's wall clock beyond the stated bound"
    }
    fn not_checked(&self, facts: &Facts, _: &Domain) -> Option<&'static str> {
        needs_server(facts).or_else(|| facts.clock_bound.is_none().then_some("it declares no bound on wrong clocks"))
    }
    fn wants(&self) -> u8 {
        wants::ACTED
    }
    fn observe(&mut self, _: &History<'_>, _: &Moment<'_>, _: &mut Log) {}
    fn judge(&mut self, history: &History<'_>, log: &mut Log) {
        if !history.clocks_true {
            log.exercised();
        }
    }
}

/// How an op ended: its words and its last verdict.
pub type OpEnd = (OpId, Vec<(Time, Word)>, Option<Verdict>);

/// How a run ended, as far as wrong clocks must not matter: the server's rows, and each op's words and last verdict.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    /// When the run ended.
    pub at: Time,
    /// The server's rows.
    pub server: &'a [Row],
    /// Each op's words and last verdict.
    pub ops: &'a [OpEnd],
}

/// A verdict without its figures.
fn ruling(verdict: &Verdict) -> (&'static str, Option<Rule>) {
    match verdict {
        Verdict::Accepted => ("accepted", None),
        Verdict::Rejected { rule, .. } => ("rejected", Some(*rule)),
        Verdict::Superseded { .. } => ("superseded", None),
        Verdict::Manual => ("left to a human", None),
    }
}

type Fields = Vec<(u8, Value)>;

fn business(domain: &Domain, rows: &[Row]) -> BTreeMap<(Entity, Key), Fields> {
    let names: BTreeMap<(Entity, Key), Key> = rows.iter().map(|row| ((row.entity, row.key), canonical(row))).collect();
    let value = |row: &Row, field: usize, class: Class| match class {
        Class::Reference(to) => match row.fields[field].as_key().and_then(|key| names.get(&(to, key))) {
            Some(key) => Value::key(*key),
            None => row.fields[field],
        },
        _ => row.fields[field],
    };
    let live = rows.iter().filter(|row| !row.deleted && !row.entity.is_bookkeeping());
    live.map(|row| {
        let fields = domain.fields(row.entity).iter().enumerate();
        let fields = fields.filter(|(_, spec)| spec.class != Class::Assigned);
        let fields = fields.map(|(field, spec)| (field as u8, value(row, field, spec.class))).collect();
        ((row.entity, canonical(row)), fields)
    })
    .collect()
}

/// The first difference between a run with wrong clocks and the same run with true ones: a verdict, else a field.
pub fn twin_differs(scenario: &Scenario, with: Ending<'_>, without: Ending<'_>) -> Option<Violation> {
    let domain = scenario.domain;
    let broke = |kind, entity: Entity, ops: Vec<OpId>, text| Violation {
        invariant: NAME,
        kind,
        entity: domain.entity_name(entity),
        at: with.at,
        node: NodeId::SERVER,
        ops,
        text,
    };
    let verdicts: BTreeMap<OpId, Option<Verdict>> =
        without.ops.iter().map(|(op, _, verdict)| (*op, *verdict)).collect();
    for (op, _, verdict) in with.ops {
        let Some(other) = verdicts.get(op) else { continue };
        let (bent, true_time) = (verdict.as_ref().map(ruling), other.as_ref().map(ruling));
        if bent != true_time {
            let name = |one: Option<(&'static str, Option<Rule>)>| one.map_or("left undecided", |(word, _)| word);
            let mut pieces = Vec::new();
            if let Some(op) = scenario.op(*op) {
                (domain.pieces)(op, &mut pieces);
            }
            let entity = pieces.first().map_or(Entity(0), |piece| piece.entity);
            let text = format!(
                "{} was {} where clocks were wrong, but {} with every clock right",
                scenario.op_name(*op),
                name(bent),
                name(true_time)
            );
            return Some(broke("other-verdict", entity, vec![*op], text));
        }
    }
    let (bent, right) = (business(domain, with.server), business(domain, without.server));
    let keys = bent.keys().chain(right.keys());
    let (entity, key) = *keys.filter(|key| bent.get(key) != right.get(key)).min()?;
    let name = scenario.row_name(entity, key);
    let table = domain.entity_name(entity);
    let text = match (bent.get(&(entity, key)), right.get(&(entity, key))) {
        (Some(_), None) => format!("the server has the {table} {name} only where clocks were wrong"),
        (None, _) => format!("the server has the {table} {name} only with every clock right"),
        (Some(bent), Some(right)) => {
            let ((field, is), (_, due)) =
                bent.iter().zip(right).find(|(a, b)| a != b).expect("rows that differ differ in a field");
            let field = domain.fields(entity)[*field as usize].name;
            format!("the server's {field} of {name} is {is} where clocks were wrong, but {due} with every clock right")
        }
    };
    let ops = key.maker().map(|(op, _)| op).into_iter().collect();
    Some(broke("other-fields", entity, ops, text))
}
