//! What happens in a clinic on an ordinary day: opening rows and invented ops for generated runs.
//!
//! Two practices with the same few rows each. Slots are few, so that two receptions give away the same one; and each row
//! is soon followed by one that depends on it.

use super::clinic::*;
use super::command::{DECIDE, REFRESH, SYNC};
use super::domain::{Dice, Domain, Setting};
use super::op::{Op, Verb};
use super::row::{Entity, Key, Row, Value};

/// Opening rows of both practices: a client with a pet, one or two practitioners, an appointment, an open invoice,
/// a permission.
pub fn opening(_: &'static Domain, dice: &mut Dice, hot: bool) -> Vec<(String, Row)> {
    let mut rows = Vec::new();
    for practice in 1..=2 {
        let key = Key(practice as u64);
        let mut row = |name: &str, entity, key: Key, fields: &[(u8, Value)]| {
            let own = Row::new(entity, key).with(field::PRACTICE, Value::int(practice));
            let row = fields.iter().fold(own, |row, (field, value)| row.with(*field, *value));
            rows.push((format!("{name}{}", key.0), row));
        };
        let phone = Value::int(440_000_000 + practice);
        row("C", CLIENT, key, &[(field::PHONE, phone), (field::ADDRESS, Value::int(practice))]);
        let weight = Value::int(dice.between(2, 40));
        row("P", PET, key, &[(field::PET_CLIENT, Value::key(key)), (field::PET_WEIGHT, weight)]);
        row("D", PRACTITIONER, key, &[(field::NAME, Value::int(practice))]);
        if !hot && dice.one_in(2) {
            row("D", PRACTITIONER, Key(key.0 + 2), &[(field::NAME, Value::int(practice + 2))]);
        }
        let appointment = [
            (field::FOR_PET, Value::key(key)),
            (field::BY, Value::key(key)),
            (field::SLOT, Value::int(8)),
            (field::STATUS, Value::int(0)),
            (field::REMARK, Value::NULL),
        ];
        row("A", APPOINTMENT, key, &appointment);
        let total = Value::int(50 * dice.between(1, 6));
        let invoice = [
            (field::OF_APPOINTMENT, Value::key(key)),
            (field::INVOICE_CLIENT, Value::key(key)),
            (field::INVOICE_TOTAL, total),
            (field::INVOICE_DUE, total),
        ];
        row("I", INVOICE, key, &invoice);
        let user = Value::int(if practice == 1 { 1 } else { 3 });
        row("M", PERMISSION, key, &[(field::USER, user), (field::ALLOWED, Value::int(1))]);
    }
    rows
}

fn maker(entity: Entity) -> Verb {
    match entity {
        CLIENT => CREATE_CLIENT,
        PET => CREATE_PET,
        PRACTITIONER => ADD_PRACTITIONER,
        APPOINTMENT => CREATE_APPOINTMENT,
        NOTE => WRITE_NOTE,
        INVOICE => CREATE_INVOICE,
        // Nobody makes a permission: a verb of another business stands for none.
        _ => Verb::default(),
    }
}

fn slot(dice: &mut Dice) -> i64 {
    dice.between(8, 12)
}

fn note(dice: &mut Dice, op: Op) -> Op {
    (0..4).fold(op, |op, _| op.line(Key::NONE, dice.between(1, 99)))
}

/// Whether an op sets a field that somebody else may set at the same time.
fn may_clash(verb: Verb) -> bool {
    [SET_ADDRESS, SET_WEIGHT, RESCHEDULE, SET_STATUS, ASSIGN_PRACTITIONER, EDIT_NOTE, ASSESS].contains(&verb)
}

/// Invents what one user does next on a device.
pub fn invent(dice: &mut Dice, setting: &Setting<'_>, op: Op) -> Option<Op> {
    let pick = |dice: &mut Dice, entity: Entity| setting.pick(dice, &op, entity, maker(entity), scope);
    let with = |verb| op.doing(verb);
    let number = |op: Op, value: i64| op.line(Key::NONE, value);
    let newcomer = setting.last(&op).is_some_and(|last| last.verb == ADD_PRACTITIONER);
    if dice.one_in(if newcomer { 2 } else { 3 })
        && let Some(next) = follow(dice, setting, op)
    {
        return Some(next);
    }
    Some(match dice.below(100) {
        0..6 => number(number(with(CREATE_CLIENT), 441_000_000 + dice.between(0, 99)), dice.between(1, 99)),
        6..16 => number(with(SET_PHONE).on(pick(dice, CLIENT)?), 442_000_000 + dice.between(0, 99)),
        16..20 => number(with(SET_ADDRESS).on(pick(dice, CLIENT)?), dice.between(1, 99)),
        20..22 => with(DELETE_CLIENT).on(pick(dice, CLIENT)?),
        22..28 => number(with(CREATE_PET).on(pick(dice, CLIENT)?), dice.between(2, 40)),
        28..33 => number(with(SET_WEIGHT).on(pick(dice, PET)?), dice.between(2, 40)),
        33..36 => number(with(ADD_PRACTITIONER), dice.between(1, 99)),
        36..50 => {
            let (pet, by) = (pick(dice, PET)?, pick(dice, PRACTITIONER)?);
            with(CREATE_APPOINTMENT).on(pet).line(by, slot(dice))
        }
        50..56 => number(with(RESCHEDULE).on(pick(dice, APPOINTMENT)?), slot(dice)),
        56..66 => number(with(SET_STATUS).on(pick(dice, APPOINTMENT)?), dice.between(1, 3)),
        66..70 => number(with(SET_REMARK).on(pick(dice, APPOINTMENT)?), dice.between(1, 99)),
        70..75 => {
            let appointment = pick(dice, APPOINTMENT)?;
            with(ASSIGN_PRACTITIONER).on(appointment).line(pick(dice, PRACTITIONER)?, 0)
        }
        75..78 => with(DELETE_APPOINTMENT).on(pick(dice, APPOINTMENT)?),
        78..81 => {
            let appointment = pick(dice, APPOINTMENT)?;
            note(dice, with(WRITE_NOTE).on(appointment))
        }
        81..84 => number(with(EDIT_NOTE).on(pick(dice, NOTE)?), dice.between(1, 99)),
        84..86 => number(with(ASSESS).on(pick(dice, NOTE)?), dice.between(1, 99)),
        86..88 => {
            let (appointment, client) = (pick(dice, APPOINTMENT)?, pick(dice, CLIENT)?);
            with(CREATE_INVOICE).on(appointment).line(client, 50 * dice.between(1, 6))
        }
        88..93 => number(with(PAY_INVOICE).on(pick(dice, INVOICE)?), 50 * dice.between(1, 4)),
        93..96 => with(SYNC).line(Key::NONE, dice.between(0, 2)),
        96..99 => {
            let own = |made: &&Op| made.node == op.node && may_clash(made.verb);
            let edits: Vec<&Op> = setting.ops.iter().filter(own).collect();
            let edit = edits.get(dice.below(edits.len().max(1) as u64) as usize)?;
            number(with(DECIDE).after(edit.id), dice.between(0, 1))
        }
        _ if dice.one_in(2) => number(with(PERMIT).on(pick(dice, PERMISSION)?), dice.between(0, 1)),
        _ => with(REFRESH).line(Key::NONE, 0),
    })
}

/// What comes naturally after the last op of this device: what was made gets what depends on it, what was edited is edited
/// again, and what was deleted is saved from a form that is still open.
fn follow(dice: &mut Dice, setting: &Setting<'_>, op: Op) -> Option<Op> {
    let last = setting.last(&op)?;
    let new = Key::made(last.id, 0);
    let pick = |dice: &mut Dice, entity: Entity| setting.pick(dice, &op, entity, maker(entity), scope);
    let with = |verb| op.doing(verb);
    let number = |op: Op, value: i64| op.line(Key::NONE, value);
    Some(match last.verb {
        CREATE_CLIENT => number(with(CREATE_PET).on(new), dice.between(2, 40)),
        CREATE_PET => with(CREATE_APPOINTMENT).on(new).line(pick(dice, PRACTITIONER)?, slot(dice)),
        // A newcomer mostly takes over the appointment that was being dealt with.
        ADD_PRACTITIONER => {
            let edits = |made: &&Op| made.node == op.node && is_edit_of_appointment(made.verb);
            let at_hand = setting.ops.iter().rfind(edits).map(|made| made.target).filter(|_| !dice.one_in(4));
            with(ASSIGN_PRACTITIONER).on(at_hand.or_else(|| pick(dice, APPOINTMENT))?).line(new, 0)
        }
        RESCHEDULE | SET_REMARK | ASSIGN_PRACTITIONER => number(with(ADD_PRACTITIONER), dice.between(1, 99)),
        CREATE_APPOINTMENT if dice.one_in(2) => note(dice, with(WRITE_NOTE).on(new)),
        CREATE_APPOINTMENT => with(CREATE_INVOICE).on(new).line(pick(dice, CLIENT)?, 50 * dice.between(1, 6)),
        WRITE_NOTE => number(with(EDIT_NOTE).on(new), dice.between(1, 99)),
        CREATE_INVOICE => number(with(PAY_INVOICE).on(new), last.value(0)),
        PAY_INVOICE => number(with(PAY_INVOICE).on(last.target), last.value(0)),
        SET_STATUS if dice.one_in(2) => number(with(ADD_PRACTITIONER), dice.between(1, 99)),
        SET_STATUS | DELETE_APPOINTMENT => number(with(SET_STATUS).on(last.target), dice.between(1, 3)),
        SET_PHONE | DELETE_CLIENT => number(with(SET_PHONE).on(last.target), 443_000_000 + dice.between(0, 99)),
        _ => return None,
    })
}

fn is_edit_of_appointment(verb: Verb) -> bool {
    matches!(verb, RESCHEDULE | SET_STATUS | SET_REMARK | ASSIGN_PRACTITIONER)
}

#[cfg(test)]
mod tests {
    use super::super::clinic::CLINIC;
    use super::*;
    use crate::sim::{Draw, NodeId, OpId};

    #[test]
    fn a_permission_that_is_set_stands_there_from_the_start() {
        let rows: Vec<Row> = opening(&CLINIC, &mut Dice::new(Draw(1)), false).into_iter().map(|(_, row)| row).collect();
        let op = |id, verb| Op::new(OpId(id), NodeId(1), verb);
        let ops = [op(1, CREATE_INVOICE), op(2, SYNC)];
        let setting = Setting { domain: &CLINIC, rows: &rows, ops: &ops, hot: false };
        let invented =
            (0..20_000).filter_map(|seed| invent(&mut Dice::new(Draw(seed)), &setting, op(3, Verb::default())));
        let permits: Vec<Op> = invented.filter(|op| op.verb == PERMIT).collect();
        assert!(permits.len() > 20 && permits.iter().all(|permit| permit.target.maker().is_none()), "{permits:?}");
    }
}
