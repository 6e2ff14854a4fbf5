//! What can happen in any business: opening rows and invented ops drawn from the shapes of its verbs alone.
//!
//! Why: whoever brings a business of their own can be fuzzed before they have written a generator. It knows nothing of
//! what is likely; a generator of one's own ([`Domain::invent`]) finds more in fewer runs.

use super::domain::{Class, Dice, Domain, Piece, Promise, Setting, Shape};
use super::op::{LINES, Op};
use super::row::{Entity, Key, Row, Value};

/// Two or three rows of each entity that a verb names and no op makes; on hot days one or two.
pub fn opening(domain: &'static Domain, dice: &mut Dice, hot: bool) -> Vec<(String, Row)> {
    let named = |entity: Entity| domain.verbs.iter().any(|verb| names(&verb.shape, entity));
    let mut rows: Vec<(String, Row)> = Vec::new();
    for (entity, spec) in domain.entity_specs().filter(|(entity, _)| named(*entity)) {
        let count = if hot { 1 } else { 2 } + dice.below(2);
        for n in 1..=count {
            let mut row = Row::new(entity, Key(n));
            for (field, what) in (0..).zip(spec.fields) {
                row = row.with(field, opening_value(dice, what.class, n, &rows));
            }
            rows.push((format!("{}-{}", spec.name, ["a", "b", "c"][n as usize - 1]), row));
        }
    }
    rows
}

fn opening_value(dice: &mut Dice, class: Class, n: u64, rows: &[(String, Row)]) -> Value {
    match class {
        Class::Quantity => Value::int(dice.between(1, 12)),
        Class::Plain => Value::int(dice.between(1, 9)),
        Class::Number | Class::Frozen => Value::int(n as i64),
        Class::Assigned => Value::NULL,
        Class::Reference(entity) => {
            let there: Vec<Key> = rows.iter().filter(|(_, row)| row.entity == entity).map(|(_, row)| row.key).collect();
            there.get(dice.below(there.len().max(1) as u64) as usize).map_or(Value::NULL, |key| Value::key(*key))
        }
    }
}

/// Whether an op of this shape needs a row of the entity.
fn names(shape: &Shape, entity: Entity) -> bool {
    match shape {
        Shape::Lines { entity: of, .. } | Shape::Set { entity: of } | Shape::Target(of) => *of == entity,
        Shape::Record { target, lines, .. } => {
            target.is_some_and(|(_, of)| of == entity) || lines.is_some_and(|(_, of)| of == entity)
        }
        Shape::Pair { target, other } => target.1 == entity || other.1 == entity,
        Shape::Form { rows, .. } => rows.iter().any(|(_, of)| *of == entity),
        Shape::Earlier(_) | Shape::Word(_) | Shape::Decision(_) => false,
    }
}

/// An op of any verb, on any row that its device can know of; `None` if what was drawn needs a row that is not there.
pub fn invent(dice: &mut Dice, setting: &Setting<'_>, op: Op) -> Option<Op> {
    let verbs: Vec<_> = setting.domain.verb_specs().filter(|(_, spec)| spec.promise != Promise::Command).collect();
    let (verb, spec) = verbs.get(dice.below(verbs.len().max(1) as u64) as usize)?;
    let op = op.doing(*verb);
    match spec.shape {
        Shape::Lines { entity, signed } => lines(dice, setting, op, entity, signed),
        Shape::Set { entity } => Some(op.on(row(dice, setting, &op, entity)?).line(Key::NONE, number(dice))),
        Shape::Target(entity) => Some(op.on(row(dice, setting, &op, entity)?)),
        Shape::Pair { target, other } => {
            let target = row(dice, setting, &op, target.1)?;
            Some(op.on(target).line(row(dice, setting, &op, other.1)?, 0))
        }
        Shape::Record { target, values, lines: with } => {
            let mut op = op;
            if let Some((_, entity)) = target {
                op = op.on(row(dice, setting, &op, entity)?);
            }
            op = values.iter().fold(op, |op, _| op.line(Key::NONE, number(dice)));
            match with {
                Some((_, entity)) => lines(dice, setting, op, entity, false),
                None => Some(op),
            }
        }
        Shape::Form { rows, needed, values } => {
            let mut keys = Vec::new();
            for (place, (_, entity)) in rows.iter().enumerate() {
                let wanted = place < needed || dice.one_in(2);
                let key = if wanted { row(dice, setting, &op, *entity) } else { None };
                keys.push(if place < needed { key? } else { key.unwrap_or(Key::NONE) });
            }
            let op = op.on(keys.remove(0));
            Some((0..keys.len().max(values.len())).fold(op, |op, n| {
                let value = if n < values.len() { number(dice) } else { 0 };
                op.line(keys.get(n).copied().unwrap_or(Key::NONE), value)
            }))
        }
        Shape::Earlier(name) => {
            let fits = |done: &&Op| done.node == op.node && setting.domain.verb(done).name == name;
            let done = setting.ops.iter().rfind(fits)?;
            let op = op.after(done.id).on(done.target);
            Some(done.lines().iter().fold(op, |op, line| op.line(line.key, line.value)))
        }
        Shape::Word(words) => Some(op.line(Key::NONE, dice.below(words.len() as u64) as i64)),
        Shape::Decision(_) => None,
    }
}

fn number(dice: &mut Dice) -> i64 {
    dice.between(1, 9)
}

fn lines(dice: &mut Dice, setting: &Setting<'_>, mut op: Op, entity: Entity, signed: bool) -> Option<Op> {
    let before = op.lines().len();
    for _ in 0..=dice.below(2).min((LINES - before - 1) as u64) {
        let key = row(dice, setting, &op, entity)?;
        let amount = if signed && dice.one_in(2) { -dice.between(1, 5) } else { dice.between(1, 5) };
        if op.lines()[before..].iter().all(|line| line.key != key) {
            op = op.line(key, amount);
        }
    }
    Some(op)
}

/// A row that the device can know of: an opening row in its scope, or one that an earlier op of its own has made.
pub(super) fn row(dice: &mut Dice, setting: &Setting<'_>, op: &Op, entity: Entity) -> Option<Key> {
    let in_scope = |row: &&Row| row.entity == entity && (setting.domain.scope)(op.node, row);
    let mut keys: Vec<Key> = setting.rows.iter().filter(in_scope).map(|row| row.key).collect();
    let mut pieces: Vec<Piece> = Vec::new();
    for made in setting.ops.iter().filter(|made| made.node == op.node) {
        pieces.clear();
        (setting.domain.pieces)(made, &mut pieces);
        let own = pieces.iter().filter(|piece| piece.entity == entity);
        keys.extend(own.map(|piece| Key::made(made.id, piece.part)));
    }
    let among = if setting.hot && dice.below(4) != 0 { keys.len().min(1) } else { keys.len() };
    keys.get(dice.below(among.max(1) as u64) as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DOMAINS;
    use crate::sim::{Key as Luck, NodeId, OpId};
    use std::collections::BTreeSet;

    #[test]
    fn every_verb_of_a_business_is_invented_and_names_rows_that_are_there() {
        for domain in DOMAINS {
            let mut seen = BTreeSet::new();
            for seed in 0..60 {
                let mut dice = Dice::new(Luck::of_seed(seed).draw(1, 1));
                let rows: Vec<Row> = opening(domain, &mut dice, seed % 2 == 0).iter().map(|(_, row)| *row).collect();
                let mut ops: Vec<Op> = Vec::new();
                for n in 1..40 {
                    let setting = Setting { domain, rows: &rows, ops: &ops, hot: false };
                    let blank = Op::new(OpId(n), NodeId(1), domain.verb_specs().next().unwrap().0);
                    if let Some(op) = invent(&mut dice, &setting, blank) {
                        let known = |key: &Key| {
                            rows.iter().any(|row| row.key == *key) || key.maker().is_some_and(|(by, _)| by.0 < n)
                        };
                        let named = op.lines().iter().map(|line| line.key).chain([op.target]);
                        assert!(named.filter(|key| *key != Key::NONE).all(|key| known(&key)), "{op:?}");
                        seen.insert(domain.verb(&op).name);
                        ops.push(op);
                    }
                }
            }
            let missed: Vec<_> =
                domain.verbs.iter().map(|verb| verb.name).filter(|name| !seen.contains(name)).collect();
            assert!(missed.is_empty(), "{}: {missed:?}", domain.name);
        }
    }
}
