//! Which rows changed, and how, in the words of a story.
//!
//! Why apart: a story shows quantities and edits, not the receipts and movements that go with them; what is shown and
//! what is bookkeeping is decided here, for opening lines, steps and closing lines alike.

use super::words;
use crate::model::domain::{Shape, form_rows};
use crate::model::{Class, Entity, Key, Op, Row, Scenario, Value};
use crate::sim::OpId;
use crate::system::{Why, Write};
use std::collections::{BTreeMap, BTreeSet};

/// A change of one row, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The row.
    pub row: (Entity, Key),
    /// The row's name.
    pub name: String,
    /// `5 → 0`, `price 5000 → 6000`, or what else became of it.
    pub text: String,
    /// Whether it is a quantity that changed.
    pub quantity: bool,
}

impl Change {
    /// `X 5 → 0`.
    pub fn in_full(&self) -> String {
        if self.name.is_empty() { self.text.clone() } else { format!("{} {}", self.name, self.text) }
    }
}

/// The net changes of several writes of one moment. `all` also tells of receipts, movements and audit entries.
pub fn changes(scenario: &Scenario, writes: &[&Write], all: bool) -> Vec<Change> {
    let mut order: Vec<(Entity, Key)> = Vec::new();
    let mut net: BTreeMap<(Entity, Key), (Option<Row>, Option<Row>)> = BTreeMap::new();
    let mut found = Vec::new();
    for write in writes {
        let Some(row) = write.after.or(write.before) else { continue };
        if write.why == Why::Renamed {
            if let (Some(before), Some(after)) = (write.before, write.after)
                && (all || before.part == 0)
            {
                let text = format!("gets the id {}", after.key.0);
                found.push(change(&after, scenario.row_name(before.entity, before.key), text, false));
            }
            continue;
        }
        let id = (row.entity, row.key);
        match net.get_mut(&id) {
            Some((_, after)) => *after = write.after,
            None => {
                order.push(id);
                net.insert(id, (write.before, write.after));
            }
        }
    }
    let mut made: BTreeMap<OpId, BTreeSet<(u8, Entity)>> = BTreeMap::new();
    for id in order {
        let (before, after) = net[&id];
        match (before, after) {
            (None, Some(row)) => created(scenario, &row, all, &mut made, &mut found),
            (Some(before), Some(row)) => changed(scenario, &before, &row, all, &mut found),
            (Some(row), None) if all || is_told_of(scenario, row.entity) || row.part == 0 => {
                found.push(change(&row, name(scenario, &row), "removed".into(), false));
            }
            _ => {}
        }
    }
    for (op, parts) in made {
        let text = match parts.first() {
            Some((0, _)) => format!("+{}", words::op(scenario, op)),
            Some((_, entity)) => format!("+{} of {}", scenario.domain.entity_name(*entity), words::op(scenario, op)),
            None => continue,
        };
        found.push(Change { row: (Entity(0), Key::made(op, 0)), name: String::new(), text, quantity: false });
    }
    found
}

fn change(row: &Row, name: String, text: String, quantity: bool) -> Change {
    Change { row: (row.entity, row.key), name, text, quantity }
}

/// What a row is called: its opening name, or the op that made it, whatever id it has by now.
pub fn name(scenario: &Scenario, row: &Row) -> String {
    match row.origin.is_some() && !row.key.is_made() {
        true => scenario.op_name(row.origin),
        false => scenario.row_name(row.entity, row.key),
    }
}

/// Whether rows of this kind have something that users edit, so that a new one is news of its own.
fn is_told_of(scenario: &Scenario, entity: Entity) -> bool {
    let fields = scenario.domain.fields(entity);
    fields.iter().any(|field| matches!(field.class, Class::Quantity | Class::Plain))
}

fn created(
    scenario: &Scenario,
    row: &Row,
    all: bool,
    made: &mut BTreeMap<OpId, BTreeSet<(u8, Entity)>>,
    found: &mut Vec<Change>,
) {
    if row.entity == Entity::CONFLICT {
        let op = |field| words::op(scenario, OpId(row.get(field).or_zero() as u32));
        let text = format!("conflict recorded: {} lost to {}", op(0), op(1));
        return found.push(change(row, String::new(), text, false));
    }
    if row.entity == Entity::AUDIT {
        if all {
            let text = format!("audit entry for {}", words::op(scenario, row.origin));
            found.push(change(row, String::new(), text, false));
        }
        return;
    }
    if all || is_told_of(scenario, row.entity) {
        let entity = scenario.domain.entity_name(row.entity);
        let mut text = format!("new {entity}");
        let fields: Vec<String> = (0..scenario.domain.fields(row.entity).len() as u8)
            .filter(|field| row.get(*field) != Value::MISSING)
            .map(|field| format!("{} {}", field_name(scenario, row.entity, field), value(scenario, row, field)))
            .collect();
        if !fields.is_empty() {
            text += &format!(" ({})", fields.join(", "));
        }
        if row.deleted {
            text += ", deleted";
        }
        return found.push(change(row, name(scenario, row), text, false));
    }
    if row.origin.is_some() {
        made.entry(row.origin).or_default().insert((row.part, row.entity));
    }
}

fn changed(scenario: &Scenario, before: &Row, row: &Row, all: bool, found: &mut Vec<Change>) {
    if row.entity.is_bookkeeping() && !all {
        return;
    }
    let name = name(scenario, row);
    if before.deleted != row.deleted {
        let text = if row.deleted { "deleted" } else { "there again" };
        found.push(change(row, name.clone(), text.into(), false));
        // What a deleted row holds is no news.
        if row.deleted && !all {
            return;
        }
    }
    for field in 0..scenario.domain.fields(row.entity).len() as u8 {
        if before.get(field) == row.get(field) {
            continue;
        }
        let class = scenario.domain.class(row.entity, field);
        if class == Class::Assigned && !all {
            continue;
        }
        let arrow = format!("{} → {}", value(scenario, before, field), value(scenario, row, field));
        let quantity = class == Class::Quantity;
        let text = match quantity && is_only_quantity(scenario, row.entity) {
            true => arrow,
            false => format!("{} {arrow}", field_name(scenario, row.entity, field)),
        };
        found.push(change(row, name.clone(), text, quantity));
    }
    if all && before.state != row.state {
        let text = format!("{:?} → {:?}", before.state, row.state).to_lowercase();
        found.push(change(row, name, text, false));
    }
}

fn field_name(scenario: &Scenario, entity: Entity, field: u8) -> &'static str {
    scenario.domain.fields(entity).get(field as usize).map_or("?", |spec| spec.name)
}

fn is_only_quantity(scenario: &Scenario, entity: Entity) -> bool {
    scenario.domain.fields(entity).iter().filter(|field| field.class == Class::Quantity).count() == 1
}

/// A field's value; references by the name of the row.
pub fn value(scenario: &Scenario, row: &Row, field: u8) -> String {
    match (scenario.domain.class(row.entity, field), row.get(field).as_key()) {
        (Class::Reference(entity), Some(key)) => scenario.row_name(entity, key),
        _ => row.get(field).to_string(),
    }
}

/// The rows and fields that a story is about: what an op names or any write changes.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    fields: BTreeMap<(Entity, Key), u8>,
    made: BTreeSet<Entity>,
}

impl Watched {
    /// From what users do in the scenario and from every write of the run.
    pub fn of<'a>(scenario: &Scenario, writes: impl Iterator<Item = &'a Write>) -> Watched {
        let mut watched = Watched::default();
        let named: BTreeSet<(Entity, Key)> =
            scenario.steps.iter().flat_map(|step| rows_of(scenario, &step.op)).collect();
        let opening: BTreeSet<(Entity, Key)> = scenario.rows.iter().map(|(_, row)| (row.entity, row.key)).collect();
        for write in writes {
            let (Some(before), Some(after)) = (write.before, write.after) else { continue };
            if !opening.contains(&(after.entity, after.key)) {
                continue;
            }
            for field in 0..scenario.domain.fields(after.entity).len() as u8 {
                if before.get(field) != after.get(field) {
                    *watched.fields.entry((after.entity, after.key)).or_default() |= 1 << field;
                }
            }
        }
        for (_, row) in &scenario.rows {
            let id = (row.entity, row.key);
            if named.contains(&id) && is_account(scenario, row.entity) {
                *watched.fields.entry(id).or_default() |= quantities(scenario, row.entity);
            }
        }
        watched.made =
            scenario.domain.entity_specs().map(|(entity, _)| entity).filter(|e| is_told_of(scenario, *e)).collect();
        watched
    }

    /// What a node holds of them: `X 5`, `X price 6000`.
    pub fn state(&self, scenario: &Scenario, rows: &[Row]) -> Vec<String> {
        let mut found = Vec::new();
        for row in rows {
            let mask = match self.fields.get(&(row.entity, row.key)) {
                Some(mask) => *mask,
                None if row.origin.is_some() && self.made.contains(&row.entity) => quantities(scenario, row.entity),
                None => continue,
            };
            let name = name(scenario, row);
            if row.deleted {
                found.push(format!("{name} deleted"));
                continue;
            }
            for field in (0..8).filter(|field| mask & 1 << field != 0) {
                let value = value(scenario, row, field);
                let quantity = scenario.domain.class(row.entity, field) == Class::Quantity;
                found.push(match quantity && is_only_quantity(scenario, row.entity) {
                    true => format!("{name} {value}"),
                    false => format!("{name} {} {value}", field_name(scenario, row.entity, field)),
                });
            }
        }
        found
    }
}

/// The rows that an op names.
fn rows_of(scenario: &Scenario, op: &Op) -> Vec<(Entity, Key)> {
    let (target, line) = match scenario.domain.verb(op).shape {
        Shape::Form { rows, .. } => return form_rows(rows, op).collect(),
        Shape::Lines { entity, .. } => (None, Some(entity)),
        Shape::Set { entity } | Shape::Target(entity) => (Some(entity), None),
        Shape::Record { target, lines, .. } => (target.map(|(_, entity)| entity), lines.map(|(_, entity)| entity)),
        Shape::Pair { target, other } => (Some(target.1), Some(other.1)),
        Shape::Earlier(_) | Shape::Word(_) | Shape::Decision(_) => (None, None),
    };
    let lines = op.lines().iter().filter_map(|l| line.map(|entity| (entity, l.key)));
    target.map(|entity| (entity, op.target)).into_iter().chain(lines).collect()
}

fn quantities(scenario: &Scenario, entity: Entity) -> u8 {
    let fields = scenario.domain.fields(entity).iter().enumerate();
    fields.filter(|(_, field)| field.class == Class::Quantity).fold(0, |mask, (index, _)| mask | 1 << index)
}

/// Whether the entity is the head of a ledger: the quantities that stories are about.
fn is_account(scenario: &Scenario, entity: Entity) -> bool {
    scenario.domain.ledgers.iter().any(|ledger| ledger.account == entity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::retail::{self, field};

    fn product(stock: i64) -> Row {
        Row::new(retail::PRODUCT, Key(1)).with(field::STOCK, Value::int(stock)).with(field::PRICE, Value::int(7))
    }

    fn scenario() -> Scenario {
        let mut scenario = Scenario::new(&retail::RETAIL);
        scenario.rows.push(("X".into(), product(5)));
        scenario
    }

    fn write(before: Option<Row>, after: Option<Row>) -> Write {
        Write { before, after, op: OpId(1), why: Why::Effect }
    }

    #[test]
    fn two_writes_of_one_moment_show_their_net_change() {
        let writes = [write(Some(product(5)), Some(product(3))), write(Some(product(3)), Some(product(-1)))];
        let refs: Vec<&Write> = writes.iter().collect();
        let found: Vec<String> = changes(&scenario(), &refs, false).iter().map(Change::in_full).collect();
        assert_eq!(found, ["X 5 → -1"]);
    }

    #[test]
    fn a_movement_without_its_sale_is_named_as_such() {
        let mut row = Row::new(retail::STOCK_MOVEMENT, Key::made(OpId(1), 16));
        (row.origin, row.part) = (OpId(1), 16);
        let only = write(None, Some(row));
        let found = changes(&scenario(), &[&only], false);
        assert_eq!(found[0].in_full(), "+stock_movement of op-1");
    }

    #[test]
    fn only_rows_that_a_story_is_about_are_watched() {
        let mut scenario = scenario();
        let mut other = product(9);
        other.key = Key(2);
        scenario.rows.push(("Y".into(), other));
        let change = write(Some(product(5)), Some(product(0)));
        let watched = Watched::of(&scenario, [&change].into_iter());
        assert_eq!(watched.state(&scenario, &[product(0), other]), ["X 0"]);
    }
}
