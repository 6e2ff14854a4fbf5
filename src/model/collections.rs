//! The milk round: suppliers, products, rates, collections and payments.
//!
//! Drawn from the entity types of `paytrack`. What a supplier is owed is a quantity kept by two kinds of entries:
//! collections raise it, payments lower it, and nobody is paid more than is owed. A registered product brings its identity
//! along, so that two devices can make the same one. Pure data and pure transitions; how any of it is sent is the sync
//! engine's business.

use super::collections_workload;
use super::domain::{
    Class, Domain, Effect, EntitySpec, FieldSpec, Ledger, Piece, Promise, Rows, Severity, Shape, TotalLaw, VerbSpec,
    everywhere,
};
use super::op::{Op, Verb};
use super::row::{Entity, Key, Row, Value};

macro_rules! entities {
    ($($name:ident = $n:literal),* $(,)?) => { $(#[allow(missing_docs)] pub const $name: Entity = Entity($n);)* };
}
entities! { SUPPLIER = 14, PRODUCT = 15, RATE = 16, COLLECTION = 17, PAYMENT = 18 }

macro_rules! verbs {
    ($($name:ident = $n:literal),* $(,)?) => { $(#[allow(missing_docs)] pub const $name: Verb = Verb($n);)* };
}
verbs! {
    ADD_SUPPLIER = 32, SET_PHONE = 33, SET_ADDRESS = 34, DELETE_SUPPLIER = 35, ADD_PRODUCT = 36, REGISTER = 37,
    RENAME_PRODUCT = 38, DELETE_PRODUCT = 39, ADD_RATE = 40, SET_RATE = 41, COLLECT = 42, PAY = 43,
}

/// Fields of the entities, by position.
pub mod field {
    #![allow(missing_docs)]
    pub const BALANCE: u8 = 0;
    pub const PHONE: u8 = 1;
    pub const ADDRESS: u8 = 2;

    pub const NAME: u8 = 0;
    pub const UNIT: u8 = 1;
    pub const CODE: u8 = 2;

    pub const RATE_PRODUCT: u8 = 0;
    pub const RATE_PRICE: u8 = 1;

    pub const COLLECTED_FROM: u8 = 0;
    pub const COLLECTED_PRODUCT: u8 = 1;
    pub const COLLECTED_RATE: u8 = 2;
    pub const COLLECTED_QUANTITY: u8 = 3;
    pub const COLLECTED_PRICE: u8 = 4;
    pub const COLLECTED_AMOUNT: u8 = 5;

    pub const PAID_TO: u8 = 0;
    /// What the payment adds to the balance: a payment of 300 books -300.
    pub const PAID_AMOUNT: u8 = 1;
}

use Class::{Frozen, Plain, Quantity, Reference};
use Severity::{High, Low, Medium};

const fn f(name: &'static str, class: Class, severity: Severity) -> FieldSpec {
    FieldSpec { name, class, severity }
}

static ENTITIES: [EntitySpec; 5] = [
    EntitySpec {
        name: "supplier",
        fields: &[f("balance", Quantity, High), f("phone", Plain, Low), f("address", Plain, Medium)],
    },
    EntitySpec {
        name: "product",
        fields: &[f("name", Plain, Medium), f("unit", Plain, High), f("code", Frozen, Medium)],
    },
    EntitySpec { name: "rate", fields: &[f("product", Reference(PRODUCT), High), f("price", Plain, High)] },
    EntitySpec {
        name: "collection",
        fields: &[
            f("supplier", Reference(SUPPLIER), Medium),
            f("product", Reference(PRODUCT), Medium),
            f("rate", Reference(RATE), Medium),
            f("quantity", Frozen, Medium),
            f("price", Frozen, Medium),
            f("amount", Frozen, Medium),
        ],
    },
    EntitySpec { name: "payment", fields: &[f("supplier", Reference(SUPPLIER), Medium), f("amount", Frozen, Medium)] },
];

const fn v(name: &'static str, tells: &'static str, stem: &'static str, shape: Shape) -> VerbSpec {
    VerbSpec { name, tells, stem, shape, promise: Promise::Durable }
}
const fn values(values: &'static [&'static str]) -> Shape {
    Shape::Record { target: None, values, lines: None }
}

static VERBS: [VerbSpec; 12] = [
    v("add-supplier", "adds a supplier", "supplier", values(&["phone", "address"])),
    v("set-phone", "sets the phone of", "phone", Shape::Set { entity: SUPPLIER }),
    v("set-address", "sets the address of", "address", Shape::Set { entity: SUPPLIER }),
    v("delete-supplier", "deletes the supplier", "deletion", Shape::Target(SUPPLIER)),
    v("add-product", "adds a product", "product", values(&["name", "unit"])),
    v("register", "registers the product with", "registration", values(&["code", "name", "unit"])),
    v("rename-product", "renames", "rename", Shape::Set { entity: PRODUCT }),
    v("delete-product", "deletes the product", "removal", Shape::Target(PRODUCT)),
    v(
        "add-rate",
        "adds a rate for",
        "rate",
        Shape::Record { target: Some(("product", PRODUCT)), values: &["price"], lines: None },
    ),
    v("set-rate", "sets the rate", "price", Shape::Set { entity: RATE }),
    v(
        "collect",
        "collects from",
        "collection",
        Shape::Record { target: Some(("supplier", SUPPLIER)), values: &[], lines: Some(("rates", RATE)) },
    ),
    v("pay", "pays", "payment", Shape::Set { entity: SUPPLIER }),
];

/// The identity of a registered product: it follows from the code, on whatever device it is registered.
pub fn registered(code: i64) -> Key {
    Key(1 << 58 | (code.unsigned_abs() & 0xffff_ffff))
}

fn made(op: &Op, entity: Entity, part: u8) -> Row {
    let mut row = Row::new(entity, Key::made(op.id, part));
    row.origin = op.id;
    row.part = part;
    row.actor = op.user;
    row
}

fn transition(op: &Op, rows: &dyn Rows, out: &mut Vec<Effect>) {
    use field::*;
    let set = |entity, field| Effect::Set { entity, key: op.target, field, value: Value::int(op.value(0)) };
    let owe = |delta| Effect::Add { entity: SUPPLIER, key: op.target, field: BALANCE, delta };
    match op.verb {
        ADD_SUPPLIER => out.push(Effect::Create(
            made(op, SUPPLIER, 0)
                .with(BALANCE, Value::int(0))
                .with(PHONE, Value::int(op.value(0)))
                .with(ADDRESS, Value::int(op.value(1))),
        )),
        SET_PHONE => out.push(set(SUPPLIER, PHONE)),
        SET_ADDRESS => out.push(set(SUPPLIER, ADDRESS)),
        DELETE_SUPPLIER => out.push(Effect::Delete { entity: SUPPLIER, key: op.target }),
        ADD_PRODUCT => out.push(Effect::Create(
            made(op, PRODUCT, 0)
                .with(NAME, Value::int(op.value(0)))
                .with(UNIT, Value::int(op.value(1)))
                .with(CODE, Value::NULL),
        )),
        REGISTER => {
            let mut product = made(op, PRODUCT, 0)
                .with(NAME, Value::int(op.value(1)))
                .with(UNIT, Value::int(op.value(2)))
                .with(CODE, Value::int(op.value(0)));
            product.key = registered(op.value(0));
            out.push(Effect::Create(product));
        }
        RENAME_PRODUCT => out.push(set(PRODUCT, NAME)),
        DELETE_PRODUCT => out.push(Effect::Delete { entity: PRODUCT, key: op.target }),
        ADD_RATE => out.push(Effect::Create(
            made(op, RATE, 0).with(RATE_PRODUCT, Value::key(op.target)).with(RATE_PRICE, Value::int(op.value(0))),
        )),
        SET_RATE => out.push(set(RATE, RATE_PRICE)),
        COLLECT => {
            let rates: Option<Vec<Row>> = op.lines().iter().map(|line| rows.row(RATE, line.key)).collect();
            for (part, (line, rate)) in op.lines().iter().zip(rates.unwrap_or_default()).enumerate() {
                let price = rate.get(RATE_PRICE).or_zero();
                let amount = line.value * price;
                out.push(Effect::Create(
                    made(op, COLLECTION, part as u8)
                        .with(COLLECTED_FROM, Value::key(op.target))
                        .with(COLLECTED_PRODUCT, rate.get(RATE_PRODUCT))
                        .with(COLLECTED_RATE, Value::key(line.key))
                        .with(COLLECTED_QUANTITY, Value::int(line.value))
                        .with(COLLECTED_PRICE, Value::int(price))
                        .with(COLLECTED_AMOUNT, Value::int(amount)),
                ));
                out.push(owe(amount));
            }
        }
        PAY => {
            out.push(Effect::Create(
                made(op, PAYMENT, 0).with(PAID_TO, Value::key(op.target)).with(PAID_AMOUNT, Value::int(-op.value(0))),
            ));
            out.push(owe(-op.value(0)));
        }
        _ => {}
    }
}

fn pieces(op: &Op, out: &mut Vec<Piece>) {
    use field::*;
    let mut piece = |entity, part, amount| out.push(Piece { entity, part, amount });
    match op.verb {
        ADD_SUPPLIER => piece(SUPPLIER, 0, None),
        ADD_PRODUCT => piece(PRODUCT, 0, None),
        ADD_RATE => piece(RATE, 0, None),
        COLLECT => {
            for (part, line) in op.lines().iter().enumerate() {
                piece(COLLECTION, part as u8, Some((COLLECTED_QUANTITY, line.value)));
            }
        }
        PAY => piece(PAYMENT, 0, Some((PAID_AMOUNT, -op.value(0)))),
        _ => {}
    }
}

const fn owed(entry: Entity, reference: u8, amount: u8) -> Ledger {
    Ledger { account: SUPPLIER, quantity: field::BALANCE, entry, reference, amount }
}

/// The collections domain.
pub static COLLECTIONS: Domain = Domain {
    name: "collections",
    first_entity: 14,
    entities: &ENTITIES,
    first_verb: 32,
    verbs: &VERBS,
    ledgers: &[
        owed(COLLECTION, field::COLLECTED_FROM, field::COLLECTED_AMOUNT),
        owed(PAYMENT, field::PAID_TO, field::PAID_AMOUNT),
    ],
    parts: &[],
    totals: &[TotalLaw {
        head: (COLLECTION, field::COLLECTED_AMOUNT),
        line: (COLLECTION, field::COLLECTED_QUANTITY, field::COLLECTED_PRICE),
    }],
    expiry: None,
    unique: &[],
    permission: None,
    receipts: &[COLLECT, PAY],
    scope: everywhere,
    transition,
    pieces,
    opening: collections_workload::opening,
    invent: collections_workload::invent,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{NodeId, OpId};

    struct Round;
    impl Rows for Round {
        fn row(&self, entity: Entity, key: Key) -> Option<Row> {
            let rate = Row::new(RATE, key).with(field::RATE_PRODUCT, Value::key(Key(1)));
            (entity == RATE).then(|| rate.with(field::RATE_PRICE, Value::int(40)))
        }
    }

    fn effects(op: &Op) -> Vec<Effect> {
        let mut effects = Vec::new();
        transition(op, &Round, &mut effects);
        effects
    }

    #[test]
    fn every_op_brings_about_exactly_the_pieces_it_promises() {
        for (n, spec) in VERBS.iter().enumerate() {
            let verb = Verb(COLLECTIONS.first_verb + n as u8);
            let op = Op::new(OpId(9), NodeId(1), verb).on(Key(1)).line(Key(1), 2).line(Key(2), 3).line(Key(3), 4);
            let mut expected = Vec::new();
            pieces(&op, &mut expected);
            let made = effects(&op).into_iter().filter_map(|effect| match effect {
                // A registered product may be made by others as well, so it is no promise of this op alone.
                Effect::Create(row) if verb != REGISTER => Some((row.entity.0, row.part)),
                _ => None,
            });
            let promised: Vec<(u8, u8)> = expected.iter().map(|piece| (piece.entity.0, piece.part)).collect();
            assert_eq!(made.collect::<Vec<_>>(), promised, "{}", spec.name);
            assert!(!effects(&op).is_empty(), "{} does something", spec.name);
        }
    }

    #[test]
    fn a_collection_raises_what_is_owed_by_quantity_times_rate_and_a_payment_lowers_it() {
        let owed = |op: &Op| -> i64 {
            effects(op).iter().map(|effect| if let Effect::Add { delta, .. } = effect { *delta } else { 0 }).sum()
        };
        let op = |verb| Op::new(OpId(9), NodeId(1), verb).on(Key(1));
        assert_eq!(owed(&op(COLLECT).line(Key(1), 2).line(Key(2), 3)), 5 * 40);
        assert_eq!(owed(&op(PAY).line(Key::NONE, 150)), -150);
    }

    #[test]
    fn the_same_code_is_the_same_product_on_every_device() {
        let register = |id, node| Op::new(OpId(id), NodeId(node), REGISTER).line(Key::NONE, 7);
        let key =
            |op: &Op| effects(op).iter().find_map(|e| if let Effect::Create(row) = e { Some(row.key) } else { None });
        assert_eq!(key(&register(1, 1)), key(&register(2, 2)));
    }
}
