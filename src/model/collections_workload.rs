//! What happens on an ordinary milk round: opening rows and invented ops for generated runs.
//!
//! Suppliers are few and edited by everybody; much is made and used at once, and some forms stay open while the row goes.

use super::collections::*;
use super::command::{REFRESH, SYNC};
use super::domain::{Dice, Domain, Setting, everywhere};
use super::op::Op;
use super::row::{Entity, Key, Row, Value};

/// Opening rows: one to three suppliers, two products, a rate for each.
pub fn opening(_: &'static Domain, dice: &mut Dice, hot: bool) -> Vec<(String, Row)> {
    let mut rows = Vec::new();
    let suppliers = if hot { 1 } else { 1 + dice.below(3) };
    for n in 1..=suppliers {
        let supplier = Row::new(SUPPLIER, Key(n))
            .with(field::BALANCE, Value::int(50 * dice.between(0, 12)))
            .with(field::PHONE, Value::int(770_000_000 + n as i64))
            .with(field::ADDRESS, Value::int(n as i64));
        rows.push((format!("S{n}"), supplier));
    }
    for (n, name) in ["milk", "tea"].into_iter().enumerate() {
        let key = Key(n as u64 + 1);
        let product = Row::new(PRODUCT, key)
            .with(field::NAME, Value::int(n as i64 + 1))
            .with(field::UNIT, Value::int(1))
            .with(field::CODE, Value::NULL);
        let rate = Row::new(RATE, key)
            .with(field::RATE_PRODUCT, Value::key(key))
            .with(field::RATE_PRICE, Value::int(10 * dice.between(2, 9)));
        rows.push((name.to_string(), product));
        rows.push((format!("{name}-price"), rate));
    }
    rows
}

/// Invents what one user does next on a device.
pub fn invent(dice: &mut Dice, setting: &Setting<'_>, op: Op) -> Option<Op> {
    let pick = |dice: &mut Dice, entity: Entity| {
        let maker = match entity {
            SUPPLIER => ADD_SUPPLIER,
            PRODUCT => ADD_PRODUCT,
            _ => ADD_RATE,
        };
        setting.pick(dice, &op, entity, maker, everywhere)
    };
    let with = |verb| op.doing(verb);
    let number = |op: Op, value: i64| op.line(Key::NONE, value);
    if dice.one_in(4)
        && let Some(next) = follow(dice, setting, op)
    {
        return Some(next);
    }
    Some(match dice.below(100) {
        0..24 => {
            let (supplier, rate) = (pick(dice, SUPPLIER)?, pick(dice, RATE)?);
            let mut op = with(COLLECT).on(supplier).line(rate, dice.between(1, 9));
            if dice.one_in(4) {
                let other = pick(dice, RATE)?;
                if other != rate {
                    op = op.line(other, dice.between(1, 9));
                }
            }
            op
        }
        24..38 => number(with(PAY).on(pick(dice, SUPPLIER)?), 50 * dice.between(1, 8)),
        38..50 => number(with(SET_PHONE).on(pick(dice, SUPPLIER)?), 771_000_000 + dice.between(0, 99)),
        50..57 => number(with(SET_ADDRESS).on(pick(dice, SUPPLIER)?), dice.between(1, 99)),
        57..65 => number(with(SET_RATE).on(pick(dice, RATE)?), 10 * dice.between(2, 9)),
        65..69 => number(with(RENAME_PRODUCT).on(pick(dice, PRODUCT)?), dice.between(1, 99)),
        69..74 => number(number(with(ADD_SUPPLIER), 772_000_000 + dice.between(0, 99)), dice.between(1, 99)),
        74..78 => number(number(with(ADD_PRODUCT), dice.between(1, 99)), dice.between(1, 3)),
        78..82 => number(with(ADD_RATE).on(pick(dice, PRODUCT)?), 10 * dice.between(2, 9)),
        82..87 => {
            let code = number(with(REGISTER), dice.between(1, 3));
            number(number(code, dice.between(1, 9)), dice.between(1, 3))
        }
        87..90 => with(DELETE_SUPPLIER).on(pick(dice, SUPPLIER)?),
        90..92 => with(DELETE_PRODUCT).on(pick(dice, PRODUCT)?),
        92..99 => with(SYNC).line(Key::NONE, dice.between(0, 2)),
        _ => with(REFRESH).line(Key::NONE, 0),
    })
}

/// What comes naturally after the last op of this device: what was made is used, what was edited is edited again, and
/// what was deleted is saved from a form that is still open.
fn follow(dice: &mut Dice, setting: &Setting<'_>, op: Op) -> Option<Op> {
    let last = setting.last(&op)?;
    let new = Key::made(last.id, 0);
    let with = |verb| op.doing(verb);
    let phone = |dice: &mut Dice, key| with(SET_PHONE).on(key).line(Key::NONE, 773_000_000 + dice.between(0, 99));
    Some(match last.verb {
        ADD_SUPPLIER if dice.one_in(2) => phone(dice, new),
        ADD_SUPPLIER => {
            let rate = setting.pick(dice, &op, RATE, ADD_RATE, everywhere)?;
            with(COLLECT).on(new).line(rate, dice.between(1, 9))
        }
        ADD_PRODUCT => with(ADD_RATE).on(new).line(Key::NONE, 10 * dice.between(2, 9)),
        ADD_RATE => {
            let supplier = setting.pick(dice, &op, SUPPLIER, ADD_SUPPLIER, everywhere)?;
            with(COLLECT).on(supplier).line(new, dice.between(1, 9))
        }
        REGISTER => with(RENAME_PRODUCT).on(registered(last.value(0))).line(Key::NONE, dice.between(1, 99)),
        COLLECT => with(PAY).on(last.target).line(Key::NONE, 50 * dice.between(1, 8)),
        DELETE_SUPPLIER | SET_PHONE => phone(dice, last.target),
        DELETE_PRODUCT => with(RENAME_PRODUCT).on(last.target).line(Key::NONE, dice.between(1, 99)),
        _ => return None,
    })
}
