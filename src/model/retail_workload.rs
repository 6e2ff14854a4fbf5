//! What happens in a shop on an ordinary day: opening rows and invented ops for generated runs.
//!
//! It only draws what users do; when they do it, and what goes wrong meanwhile, is drawn elsewhere. Stocks are small
//! and products few, so that tills get in each other's way.

use super::command::{REFRESH, SYNC};
use super::domain::{Dice, Domain, Setting};
use super::op::Op;
use super::retail::*;
use super::row::{Entity, Key, Row, Value};

/// Day number (since 1970) on which every run starts: 2026-01-16.
pub const TODAY: i64 = 20_469;

/// Opening rows: two to four products (some in batches), a supplier, an account, a user.
pub fn opening(_: &'static Domain, dice: &mut Dice, hot: bool) -> Vec<(String, Row)> {
    let mut rows = Vec::new();
    let products = if hot { 1 + dice.below(2) } else { 2 + dice.below(3) };
    for i in 0..products {
        let key = Key(1 + i);
        let batched = dice.one_in(3);
        let stock = if dice.one_in(6) { 100 } else { dice.between(1, 12) };
        let product = Row::new(PRODUCT, key)
            .with(field::STOCK, Value::int(stock))
            .with(field::PRICE, Value::int(1_000 * dice.between(1, 9)))
            .with(field::THRESHOLD, Value::NULL);
        rows.push((["X", "Y", "Z", "W"][i as usize].to_string(), product));
        if batched {
            let first = dice.between(0, stock);
            for (n, quantity) in [first, stock - first].into_iter().enumerate() {
                let expires = if dice.one_in(8) { TODAY - 1 } else { TODAY + dice.between(1, 90) };
                let batch = Row::new(PRODUCT_BATCH, Key(10 + 2 * i + n as u64))
                    .with(field::BATCH_PRODUCT, Value::key(key))
                    .with(field::BATCH_LOT, Value::int(100 * (i as i64 + 1) + n as i64))
                    .with(field::BATCH_EXPIRES, Value::int(expires))
                    .with(field::BATCH_QUANTITY, Value::int(quantity))
                    .with(field::BATCH_INITIAL, Value::int(stock));
                rows.push((format!("lot-{}", 100 * (i + 1) + n as u64), batch));
            }
        }
    }
    for n in 0..2 {
        rows.push((format!("S{}", n + 1), Row::new(SUPPLIER, Key(1 + n)).with(0, Value::int(620_000_000 + n as i64))));
    }
    rows.push(("C".into(), Row::new(CUSTOMER_ACCOUNT, Key(1)).with(0, Value::int(1_000 * dice.between(4, 24)))));
    rows.push(("fanta".into(), Row::new(USER, Key(1)).with(0, Value::int(1))));
    rows
}

/// Invents what one user does next on a device.
pub fn invent(dice: &mut Dice, setting: &Setting<'_>, op: Op) -> Option<Op> {
    let pick = |dice: &mut Dice, entity: Entity| -> Option<Key> {
        let opening = setting.rows.iter().filter(|row| row.entity == entity).map(|row| row.key);
        let maker = match entity {
            PRODUCT => Some(CREATE_PRODUCT),
            SUPPLIER => Some(ADD_SUPPLIER),
            PRODUCT_BATCH => Some(RECEIVE),
            SUPPLIER_ORDER => Some(ORDER),
            _ => None,
        };
        let own = setting.ops.iter().filter(|made| made.node == op.node && Some(made.verb) == maker);
        let keys: Vec<Key> = opening.chain(own.map(|made| Key::made(made.id, 0))).collect();
        if keys.is_empty() {
            return None;
        }
        let among = if setting.hot && dice.below(4) != 0 { 1 } else { keys.len() as u64 };
        Some(keys[dice.below(among) as usize])
    };
    let quantity = |dice: &mut Dice| if dice.one_in(4) { dice.between(4, 9) } else { dice.between(1, 5) };
    let lines = |dice: &mut Dice, mut op: Op, most: u64| -> Option<Op> {
        for _ in 0..1 + if dice.one_in(3) { dice.below(most) } else { 0 } {
            let product = pick(dice, PRODUCT)?;
            if op.lines().iter().all(|line| line.key != product) {
                op = op.line(product, quantity(dice));
            }
        }
        Some(op)
    };
    let open_cart = setting
        .ops
        .iter()
        .filter(|cart| cart.node == op.node && cart.verb == ADD_TO_CART)
        .find(|cart| !setting.ops.iter().any(|done| done.earlier == cart.id));
    if let Some(cart) = open_cart
        && dice.one_in(2)
    {
        let mut done = op.doing(COMPLETE).after(cart.id);
        for line in cart.lines() {
            done = done.line(line.key, line.value);
        }
        return Some(done);
    }
    let changes_mind = setting
        .ops
        .iter()
        .rfind(|made| made.node == op.node)
        .is_some_and(|made| matches!(made.verb, LINK_SUPPLIER | UNLINK_SUPPLIER));
    if changes_mind && dice.one_in(3) {
        return link(dice, setting, op);
    }
    let with = |verb| op.doing(verb);
    let ordered = setting.last(&op).filter(|last| last.verb == ORDER && !last.lines().is_empty());
    if let Some(ordered) = ordered
        && dice.one_in(3)
    {
        // The van is at the door already: what was ordered comes in.
        let line = ordered.lines()[0];
        return Some(
            with(RECEIVE)
                .on(line.key)
                .line(Key::made(ordered.id, 0), line.value)
                .line(Key::NONE, 300 + dice.between(1, 2))
                .line(Key::NONE, TODAY + dice.between(2, 60)),
        );
    }
    Some(match dice.below(100) {
        0..32 => lines(dice, with(SELL), 2)?,
        32..38 => {
            let account = pick(dice, CUSTOMER_ACCOUNT)?;
            lines(dice, with(SELL_ON_CREDIT).on(account), 1)?
        }
        38..43 if open_cart.is_none() => lines(dice, with(ADD_TO_CART), 2)?,
        43..52 => with(SET_PRICE).on(pick(dice, PRODUCT)?).line(Key::NONE, 1_000 * dice.between(1, 9)),
        52..55 => with(SET_THRESHOLD).on(pick(dice, PRODUCT)?).line(Key::NONE, dice.between(1, 20)),
        55..59 => with(COUNT).on(pick(dice, PRODUCT)?).line(Key::NONE, dice.between(0, 12)),
        59..63 => {
            let delta = if dice.one_in(2) { -quantity(dice) } else { quantity(dice) };
            with(ADJUST).line(pick(dice, PRODUCT)?, delta)
        }
        63..67 => with(RECEIVE)
            .on(pick(dice, PRODUCT)?)
            .line(
                if dice.one_in(2) { pick(dice, SUPPLIER_ORDER).unwrap_or(Key::NONE) } else { Key::NONE },
                dice.between(5, 20),
            )
            .line(Key::NONE, 300 + dice.between(1, 2))
            .line(Key::NONE, TODAY + dice.between(2, 60)),
        67..72 => with(CREATE_PRODUCT).line(Key::NONE, dice.between(0, 9)).line(Key::NONE, 1_000 * dice.between(1, 9)),
        72..74 => with(ADD_SUPPLIER).line(Key::NONE, 622_000_000 + dice.between(0, 999)),
        74..79 | 84 | 87..89 => link(dice, setting, op).or_else(|| {
            let product = pick(dice, PRODUCT)?;
            Some(with(LINK_SUPPLIER).on(product).line(pick(dice, SUPPLIER)?, 0))
        })?,
        79..82 => {
            let supplier = pick(dice, SUPPLIER)?;
            lines(dice, with(ORDER).on(supplier), 2)?
        }
        82 => with(RETURN).line(pick(dice, PRODUCT)?, dice.between(1, 3)),
        83 => with(SPEND).line(Key::NONE, 500 * dice.between(1, 40)),
        85..87 => with(PAY_CREDIT).on(pick(dice, CUSTOMER_ACCOUNT)?).line(Key::NONE, 1_000 * dice.between(1, 5)),
        89 => with(SET_ROLE).on(pick(dice, USER)?).line(Key::NONE, dice.between(1, 3)),
        90..92 => with(COUNT_BATCH).on(pick(dice, PRODUCT_BATCH)?).line(Key::NONE, dice.between(0, 10)),
        92 => with(DELETE_SUPPLIER).on(pick(dice, SUPPLIER)?),
        93..99 => with(SYNC).line(Key::NONE, dice.between(0, 2)),
        99 => with(REFRESH).line(Key::NONE, 0),
        _ => return None,
    })
}

/// Mostly the user changes the mind about a pair that was linked or unlinked before on this device.
fn link(dice: &mut Dice, setting: &Setting<'_>, op: Op) -> Option<Op> {
    let links = |made: &&Op| made.node == op.node && matches!(made.verb, LINK_SUPPLIER | UNLINK_SUPPLIER);
    let last = setting.ops.iter().rfind(links).filter(|_| !dice.one_in(4))?;
    let verb = if last.verb == LINK_SUPPLIER { UNLINK_SUPPLIER } else { LINK_SUPPLIER };
    let supplier = last.lines().first()?.key;
    Some(op.doing(verb).on(last.target).line(supplier, 0))
}
