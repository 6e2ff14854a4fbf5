//! The shop: products, batches, sales with lines, stock movements, credit, suppliers and their orders.
//!
//! Drawn from the entity table of `seri-2`, with `sale_item` and `customer_account` added. Pure data and pure
//! transitions; how a device stores or sends any of it is the sync engine's business. Batches are *not* chosen here: a
//! device does not know what others sold, so the server allocates first-expired-first-out when it commits.

use super::domain::{
    Class, Domain, Effect, EntitySpec, ExpiryLaw, FieldSpec, Ledger, PartsLaw, Piece, Promise, Rows, Severity, Shape,
    TotalLaw, VerbSpec, everywhere,
};
use super::op::{Op, Verb};
use super::retail_workload;
use super::row::{Entity, Key, Row, Value};

macro_rules! entities {
    ($($name:ident = $n:literal),* $(,)?) => { $(#[allow(missing_docs)] pub const $name: Entity = Entity($n);)* };
}
entities! {
    PRODUCT = 0, PRODUCT_BATCH = 1, SUPPLIER = 2, SUPPLIER_ORDER = 3, PRODUCT_SUPPLIER = 4, SALE = 5, EXPENSE = 6,
    STOCK_MOVEMENT = 7, CREDIT_PAYMENT = 8, SUPPLIER_ORDER_ITEM = 9, SUPPLIER_RETURN = 10, USER = 11, SALE_ITEM = 12,
    CUSTOMER_ACCOUNT = 13,
}

macro_rules! verbs {
    ($($name:ident = $n:literal),* $(,)?) => { $(#[allow(missing_docs)] pub const $name: Verb = Verb($n);)* };
}
verbs! {
    SELL = 0, ADD_TO_CART = 1, COMPLETE = 2, SET_PRICE = 3, SET_THRESHOLD = 4, COUNT = 5, ADJUST = 6, RECEIVE = 7,
    CREATE_PRODUCT = 8, ADD_SUPPLIER = 9, LINK_SUPPLIER = 10, UNLINK_SUPPLIER = 11, ORDER = 12, RETURN = 13, SPEND = 14,
    PAY_CREDIT = 15, SET_ROLE = 16, COUNT_BATCH = 17, DELETE_SUPPLIER = 18, SELL_ON_CREDIT = 19,
}

/// Fields of the shop's entities, by position.
pub mod field {
    #![allow(missing_docs)]
    pub const STOCK: u8 = 0;
    pub const PRICE: u8 = 1;
    pub const THRESHOLD: u8 = 2;
    pub const LAST_COUNT: u8 = 3;

    pub const BATCH_PRODUCT: u8 = 0;
    pub const BATCH_LOT: u8 = 1;
    pub const BATCH_EXPIRES: u8 = 2;
    pub const BATCH_QUANTITY: u8 = 3;
    pub const BATCH_INITIAL: u8 = 4;
    pub const BATCH_LAST_COUNT: u8 = 5;
    /// The order that the delivery fulfils; missing where it fulfils none.
    pub const BATCH_ORDER: u8 = 6;

    pub const SALE_NUMBER: u8 = 0;
    pub const SALE_TOTAL: u8 = 1;
    pub const SALE_ACCOUNT: u8 = 2;

    pub const ITEM_SALE: u8 = 0;
    pub const ITEM_PRODUCT: u8 = 1;
    pub const ITEM_QUANTITY: u8 = 2;
    pub const ITEM_PRICE: u8 = 3;

    pub const MOVED_PRODUCT: u8 = 0;
    pub const MOVED_QUANTITY: u8 = 1;
    pub const MOVED_KIND: u8 = 2;
    pub const MOVED_BATCH: u8 = 3;

    pub const ACCOUNT_BALANCE: u8 = 0;
    pub const PAYMENT_ACCOUNT: u8 = 0;
    pub const PAYMENT_AMOUNT: u8 = 1;
}

/// Kinds of stock movement.
pub mod kind {
    #![allow(missing_docs)]
    pub const SALE: i64 = 1;
    pub const ADJUSTMENT: i64 = 2;
    pub const COUNT: i64 = 3;
    pub const RECEIPT: i64 = 4;
    pub const RETURN: i64 = 5;
    pub const OPENING: i64 = 6;
}

/// Parts of a sale: the sale is 0, line `i` is `LINE + i`, its movement `MOVE + i`, the payment `PAY`.
pub const LINE: u8 = 1;
/// See [`LINE`].
pub const MOVE: u8 = 16;
/// See [`LINE`].
pub const PAY: u8 = 8;

const fn f(name: &'static str, class: Class) -> FieldSpec {
    FieldSpec { name, class, severity: Severity::Medium }
}
const fn e(name: &'static str, fields: &'static [FieldSpec]) -> EntitySpec {
    EntitySpec { name, fields }
}
use Class::{Assigned, Frozen, Number, Plain, Quantity, Reference};

static ENTITIES: [EntitySpec; 14] = [
    e("product", &[f("stock", Quantity), f("price", Plain), f("threshold", Plain), f("last_count", Assigned)]),
    e(
        "product_batch",
        &[
            f("product", Reference(PRODUCT)),
            f("lot", Frozen),
            f("expires", Frozen),
            f("quantity", Quantity),
            f("initial", Frozen),
            f("last_count", Assigned),
            f("order", Reference(SUPPLIER_ORDER)),
        ],
    ),
    e("supplier", &[f("phone", Plain)]),
    e("supplier_order", &[f("supplier", Reference(SUPPLIER)), f("lines", Frozen)]),
    e("product_supplier", &[f("product", Reference(PRODUCT)), f("supplier", Reference(SUPPLIER))]),
    e("sale", &[f("number", Number), f("total", Frozen), f("account", Reference(CUSTOMER_ACCOUNT))]),
    e("expense", &[f("amount", Frozen)]),
    e(
        "stock_movement",
        &[f("product", Reference(PRODUCT)), f("quantity", Frozen), f("kind", Frozen), f("batch", Assigned)],
    ),
    e("credit_payment", &[f("account", Reference(CUSTOMER_ACCOUNT)), f("amount", Frozen)]),
    e(
        "supplier_order_item",
        &[f("order", Reference(SUPPLIER_ORDER)), f("product", Reference(PRODUCT)), f("quantity", Frozen)],
    ),
    e("supplier_return", &[f("product", Reference(PRODUCT)), f("quantity", Frozen)]),
    e("user", &[f("role", Plain)]),
    e(
        "sale_item",
        &[f("sale", Reference(SALE)), f("product", Reference(PRODUCT)), f("quantity", Frozen), f("price", Frozen)],
    ),
    e("customer_account", &[f("balance", Quantity)]),
];

const fn v(name: &'static str, tells: &'static str, stem: &'static str, shape: Shape, promise: Promise) -> VerbSpec {
    VerbSpec { name, tells, stem, shape, promise }
}
use Promise::{Durable, Preparation};
const PRODUCT_LINES: Shape = Shape::Lines { entity: PRODUCT, signed: false };

static VERBS: [VerbSpec; 20] = [
    v("sell", "sells", "sale", PRODUCT_LINES, Durable),
    v("add-to-cart", "puts in the cart", "cart", PRODUCT_LINES, Preparation),
    v("complete", "completes", "sale", Shape::Earlier("add-to-cart"), Durable),
    v("set-price", "sets the price of", "price", Shape::Set { entity: PRODUCT }, Durable),
    v("set-threshold", "sets the alert level of", "threshold", Shape::Set { entity: PRODUCT }, Durable),
    v("count", "counts", "count", Shape::Set { entity: PRODUCT }, Durable),
    v("adjust", "adjusts", "adjustment", Shape::Lines { entity: PRODUCT, signed: true }, Durable),
    v(
        "receive",
        "receives a batch of",
        "receipt",
        Shape::Form {
            rows: &[("product", PRODUCT), ("order", SUPPLIER_ORDER)],
            needed: 1,
            values: &["quantity", "lot", "expires"],
        },
        Durable,
    ),
    v(
        "create-product",
        "creates a product",
        "product",
        Shape::Record { target: None, values: &["stock", "price"], lines: None },
        Durable,
    ),
    v(
        "add-supplier",
        "adds a supplier",
        "supplier",
        Shape::Record { target: None, values: &["phone"], lines: None },
        Durable,
    ),
    v(
        "link-supplier",
        "links a supplier to",
        "supplier-link",
        Shape::Pair { target: ("product", PRODUCT), other: ("supplier", SUPPLIER) },
        Durable,
    ),
    v(
        "unlink-supplier",
        "unlinks a supplier from",
        "unlink",
        Shape::Pair { target: ("product", PRODUCT), other: ("supplier", SUPPLIER) },
        Durable,
    ),
    v(
        "order",
        "orders from",
        "order",
        Shape::Record { target: Some(("supplier", SUPPLIER)), values: &[], lines: Some(("products", PRODUCT)) },
        Durable,
    ),
    v("return", "returns to the supplier", "return", PRODUCT_LINES, Durable),
    v(
        "spend",
        "books an expense of",
        "expense",
        Shape::Record { target: None, values: &["amount"], lines: None },
        Durable,
    ),
    v("pay-credit", "takes a payment on", "payment", Shape::Set { entity: CUSTOMER_ACCOUNT }, Durable),
    v("set-role", "sets the role of", "role", Shape::Set { entity: USER }, Durable),
    v("count-batch", "counts the batch", "batch-count", Shape::Set { entity: PRODUCT_BATCH }, Durable),
    v("delete-supplier", "deletes the supplier", "deletion", Shape::Target(SUPPLIER), Durable),
    v(
        "sell-on-credit",
        "sells on the account",
        "sale",
        Shape::Record { target: Some(("account", CUSTOMER_ACCOUNT)), values: &[], lines: Some(("products", PRODUCT)) },
        Durable,
    ),
];

/// The identity of the link between a product and a supplier: the pair itself.
pub fn link_key(product: Key, supplier: Key) -> Key {
    Key(1 << 58 | (product.0 & 0xfff_ffff) << 29 | (supplier.0 & 0xfff_ffff))
}

fn transition(op: &Op, rows: &dyn Rows, out: &mut Vec<Effect>) {
    use field::*;
    let made = |entity, part| {
        let mut row = Row::new(entity, Key::made(op.id, part));
        row.origin = op.id;
        row.part = part;
        row.actor = op.user;
        row
    };
    let movement = |part: u8, product: Key, quantity: i64, kind: i64, batch: Value| {
        made(STOCK_MOVEMENT, part)
            .with(MOVED_PRODUCT, Value::key(product))
            .with(MOVED_QUANTITY, Value::int(quantity))
            .with(MOVED_KIND, Value::int(kind))
            .with(MOVED_BATCH, batch)
    };
    let add = |key, delta| Effect::Add { entity: PRODUCT, key, field: STOCK, delta };
    match op.verb {
        SELL | COMPLETE | SELL_ON_CREDIT => {
            let price = |key| rows.row(PRODUCT, key).map_or(0, |row| row.get(PRICE).or_zero());
            let total: i64 = op.lines().iter().map(|line| line.value * price(line.key)).sum();
            let account = if op.target == Key::NONE { Value::NULL } else { Value::key(op.target) };
            let number = i64::from(op.id.0);
            out.push(Effect::Create(
                made(SALE, 0)
                    .with(SALE_NUMBER, Value::int(number))
                    .with(SALE_TOTAL, Value::int(total))
                    .with(SALE_ACCOUNT, account),
            ));
            for (i, line) in op.lines().iter().enumerate() {
                out.push(Effect::Create(
                    made(SALE_ITEM, LINE + i as u8)
                        .with(ITEM_SALE, Value::key(Key::made(op.id, 0)))
                        .with(ITEM_PRODUCT, Value::key(line.key))
                        .with(ITEM_QUANTITY, Value::int(line.value))
                        .with(ITEM_PRICE, Value::int(price(line.key))),
                ));
            }
            for (i, line) in op.lines().iter().enumerate() {
                out.push(Effect::Create(movement(MOVE + i as u8, line.key, -line.value, kind::SALE, Value::NULL)));
                out.push(add(line.key, -line.value));
            }
            if op.verb == SELL_ON_CREDIT {
                pay(op, made(CREDIT_PAYMENT, PAY), -total, out);
            }
        }
        ADJUST | RETURN => {
            for (i, line) in op.lines().iter().enumerate() {
                let (quantity, kind) =
                    if op.verb == RETURN { (-line.value, kind::RETURN) } else { (line.value, kind::ADJUSTMENT) };
                if op.verb == RETURN {
                    out.push(Effect::Create(
                        made(SUPPLIER_RETURN, LINE + i as u8)
                            .with(0, Value::key(line.key))
                            .with(1, Value::int(line.value)),
                    ));
                }
                out.push(Effect::Create(movement(MOVE + i as u8, line.key, quantity, kind, Value::NULL)));
                out.push(add(line.key, quantity));
            }
        }
        COUNT => {
            let seen = rows.row(PRODUCT, op.target).map_or(0, |row| row.get(STOCK).or_zero());
            let delta = op.value(0) - seen;
            out.push(Effect::Create(movement(MOVE, op.target, delta, kind::COUNT, Value::NULL)));
            out.push(add(op.target, delta));
        }
        COUNT_BATCH => {
            let Some(batch) = rows.row(PRODUCT_BATCH, op.target) else { return };
            let delta = op.value(0) - batch.get(BATCH_QUANTITY).or_zero();
            let product = batch.get(BATCH_PRODUCT).as_key().unwrap_or(Key::NONE);
            out.push(Effect::Create(movement(MOVE, product, delta, kind::COUNT, Value::key(op.target))));
            out.push(add(product, delta));
            out.push(Effect::Add { entity: PRODUCT_BATCH, key: op.target, field: BATCH_QUANTITY, delta });
        }
        RECEIVE => {
            let quantity = op.value(0);
            let order = op.lines().first().map(|line| line.key).filter(|key| *key != Key::NONE);
            let delivered = made(PRODUCT_BATCH, 0)
                .with(BATCH_PRODUCT, Value::key(op.target))
                .with(BATCH_LOT, Value::int(op.value(1)))
                .with(BATCH_EXPIRES, Value::int(op.value(2)))
                .with(BATCH_QUANTITY, Value::int(quantity))
                .with(BATCH_INITIAL, Value::int(quantity));
            out.push(Effect::Create(match order {
                Some(order) => delivered.with(BATCH_ORDER, Value::key(order)),
                None => delivered,
            }));
            let batch = Value::key(Key::made(op.id, 0));
            out.push(Effect::Create(movement(MOVE, op.target, quantity, kind::RECEIPT, batch)));
            out.push(add(op.target, quantity));
        }
        SET_PRICE => set(op, PRODUCT, PRICE, out),
        SET_THRESHOLD => set(op, PRODUCT, THRESHOLD, out),
        SET_ROLE => set(op, USER, 0, out),
        CREATE_PRODUCT => {
            let stock = op.value(0);
            let product = Key::made(op.id, 0);
            out.push(Effect::Create(
                made(PRODUCT, 0)
                    .with(STOCK, Value::int(0))
                    .with(PRICE, Value::int(op.value(1)))
                    .with(THRESHOLD, Value::NULL),
            ));
            out.push(Effect::Create(movement(MOVE, product, stock, kind::OPENING, Value::NULL)));
            out.push(add(product, stock));
        }
        ADD_SUPPLIER => out.push(Effect::Create(made(SUPPLIER, 0).with(0, Value::int(op.value(0))))),
        DELETE_SUPPLIER => out.push(Effect::Delete { entity: SUPPLIER, key: op.target }),
        LINK_SUPPLIER | UNLINK_SUPPLIER => {
            let supplier = op.lines().first().map_or(Key::NONE, |line| line.key);
            let key = link_key(op.target, supplier);
            if op.verb == UNLINK_SUPPLIER {
                out.push(Effect::Delete { entity: PRODUCT_SUPPLIER, key });
            } else {
                let mut row = made(PRODUCT_SUPPLIER, 0).with(0, Value::key(op.target)).with(1, Value::key(supplier));
                row.key = key;
                out.push(Effect::Create(row));
            }
        }
        ORDER => {
            let order = made(SUPPLIER_ORDER, 0);
            out.push(Effect::Create(order.with(0, Value::key(op.target)).with(1, Value::int(op.lines().len() as i64))));
            for (i, line) in op.lines().iter().enumerate() {
                out.push(Effect::Create(
                    made(SUPPLIER_ORDER_ITEM, LINE + i as u8)
                        .with(0, Value::key(Key::made(op.id, 0)))
                        .with(1, Value::key(line.key))
                        .with(2, Value::int(line.value)),
                ));
            }
        }
        SPEND => out.push(Effect::Create(made(EXPENSE, 0).with(0, Value::int(op.value(0))))),
        PAY_CREDIT => pay(op, made(CREDIT_PAYMENT, PAY), op.value(0), out),
        _ => {}
    }
}

fn set(op: &Op, entity: Entity, field: u8, out: &mut Vec<Effect>) {
    out.push(Effect::Set { entity, key: op.target, field, value: Value::int(op.value(0)) });
}

fn pay(op: &Op, row: Row, amount: i64, out: &mut Vec<Effect>) {
    use field::*;
    out.push(Effect::Create(row.with(PAYMENT_ACCOUNT, Value::key(op.target)).with(PAYMENT_AMOUNT, Value::int(amount))));
    out.push(Effect::Add { entity: CUSTOMER_ACCOUNT, key: op.target, field: ACCOUNT_BALANCE, delta: amount });
}

fn pieces(op: &Op, out: &mut Vec<Piece>) {
    use field::*;
    let mut piece = |entity, part, amount| out.push(Piece { entity, part, amount });
    match op.verb {
        SELL | COMPLETE | SELL_ON_CREDIT => {
            piece(SALE, 0, None);
            for (i, line) in op.lines().iter().enumerate() {
                piece(SALE_ITEM, LINE + i as u8, Some((ITEM_QUANTITY, line.value)));
                piece(STOCK_MOVEMENT, MOVE + i as u8, Some((MOVED_QUANTITY, -line.value)));
            }
            if op.verb == SELL_ON_CREDIT {
                piece(CREDIT_PAYMENT, PAY, None);
            }
        }
        ADJUST => {
            for (i, line) in op.lines().iter().enumerate() {
                piece(STOCK_MOVEMENT, MOVE + i as u8, Some((MOVED_QUANTITY, line.value)));
            }
        }
        RETURN => {
            for (i, line) in op.lines().iter().enumerate() {
                piece(SUPPLIER_RETURN, LINE + i as u8, None);
                piece(STOCK_MOVEMENT, MOVE + i as u8, Some((MOVED_QUANTITY, -line.value)));
            }
        }
        COUNT | COUNT_BATCH => piece(STOCK_MOVEMENT, MOVE, None),
        RECEIVE => {
            piece(PRODUCT_BATCH, 0, None);
            piece(STOCK_MOVEMENT, MOVE, Some((MOVED_QUANTITY, op.value(0))));
        }
        CREATE_PRODUCT => {
            piece(PRODUCT, 0, None);
            piece(STOCK_MOVEMENT, MOVE, Some((MOVED_QUANTITY, op.value(0))));
        }
        ADD_SUPPLIER => piece(SUPPLIER, 0, None),
        ORDER => {
            piece(SUPPLIER_ORDER, 0, None);
            for (i, line) in op.lines().iter().enumerate() {
                piece(SUPPLIER_ORDER_ITEM, LINE + i as u8, Some((2, line.value)));
            }
        }
        SPEND => piece(EXPENSE, 0, None),
        PAY_CREDIT => piece(CREDIT_PAYMENT, PAY, None),
        _ => {}
    }
}

/// The retail domain.
pub static RETAIL: Domain = Domain {
    name: "retail",
    first_entity: 0,
    entities: &ENTITIES,
    first_verb: 0,
    verbs: &VERBS,
    ledgers: &[
        Ledger {
            account: PRODUCT,
            quantity: field::STOCK,
            entry: STOCK_MOVEMENT,
            reference: field::MOVED_PRODUCT,
            amount: field::MOVED_QUANTITY,
        },
        Ledger {
            account: CUSTOMER_ACCOUNT,
            quantity: field::ACCOUNT_BALANCE,
            entry: CREDIT_PAYMENT,
            reference: field::PAYMENT_ACCOUNT,
            amount: field::PAYMENT_AMOUNT,
        },
    ],
    parts: &[PartsLaw {
        whole: (PRODUCT, field::STOCK),
        part: (PRODUCT_BATCH, field::BATCH_QUANTITY),
        reference: field::BATCH_PRODUCT,
    }],
    totals: &[TotalLaw { head: (SALE, field::SALE_TOTAL), line: (SALE_ITEM, field::ITEM_QUANTITY, field::ITEM_PRICE) }],
    expiry: Some(ExpiryLaw {
        batch: PRODUCT_BATCH,
        product: field::BATCH_PRODUCT,
        expires: field::BATCH_EXPIRES,
        quantity: field::BATCH_QUANTITY,
        entry: STOCK_MOVEMENT,
        entry_batch: field::MOVED_BATCH,
        entry_kind: field::MOVED_KIND,
        sale_kind: kind::SALE,
    }),
    unique: &[(PRODUCT_SUPPLIER, &[0, 1])],
    permission: None,
    receipts: &[SELL, COMPLETE, SELL_ON_CREDIT],
    scope: everywhere,
    transition,
    pieces,
    opening: retail_workload::opening,
    invent: retail_workload::invent,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{NodeId, OpId};

    struct Shop;
    impl Rows for Shop {
        fn row(&self, entity: Entity, key: Key) -> Option<Row> {
            (entity == PRODUCT).then(|| Row::new(PRODUCT, key).with(0, Value::int(5)).with(1, Value::int(700)))
        }
    }

    #[test]
    fn every_op_brings_about_exactly_the_pieces_it_promises() {
        for verb in 0..VERBS.len() as u8 {
            let op = Op::new(OpId(9), NodeId(1), Verb(verb)).on(Key(1)).line(Key(1), 2).line(Key(2), 3).line(Key(3), 4);
            let (mut effects, mut expected) = (Vec::new(), Vec::new());
            transition(&op, &Shop, &mut effects);
            pieces(&op, &mut expected);
            let mut made: Vec<(u8, u8)> = effects
                .iter()
                .filter_map(|effect| match effect {
                    Effect::Create(row) if row.entity != PRODUCT_SUPPLIER => Some((row.entity.0, row.part)),
                    _ => None,
                })
                .collect();
            let mut promised: Vec<(u8, u8)> = expected.iter().map(|piece| (piece.entity.0, piece.part)).collect();
            made.sort_unstable();
            promised.sort_unstable();
            if Verb(verb) != COUNT_BATCH {
                assert_eq!(made, promised, "{}", VERBS[verb as usize].name);
            }
        }
    }

    #[test]
    fn a_sale_takes_what_its_lines_say_and_charges_the_price_shown() {
        let op = Op::new(OpId(9), NodeId(1), SELL).line(Key(1), 2).line(Key(2), 3);
        let mut effects = Vec::new();
        transition(&op, &Shop, &mut effects);
        let stock: i64 = effects.iter().map(|e| if let Effect::Add { delta, .. } = e { *delta } else { 0 }).sum();
        assert_eq!(stock, -5);
        let Effect::Create(sale) = effects[0] else { panic!("a sale comes first") };
        assert_eq!(sale.get(field::SALE_TOTAL), Value::int(5 * 700));
    }
}
