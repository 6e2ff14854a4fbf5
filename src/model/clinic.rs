//! The veterinary clinic: clients, pets, practitioners, appointments, SOAP notes and invoices of two practices.
//!
//! Drawn from `smartdmv`. Each row belongs to the practice of the device that made it, and a device sees only rows of its
//! own; the two practices are two tenants. What an invoice still asks for is a quantity kept by entries: a charge raises
//! it, a payment lowers it. A user whose permission was taken away makes no rows. Pure data and pure transitions.

use super::clinic_workload;
use super::domain::{
    Class, Domain, Effect, EntitySpec, FieldSpec, Ledger, PermissionLaw, Piece, Promise, Rows, Severity, Shape,
    VerbSpec,
};
use super::op::{Op, Verb};
use super::row::{Entity, Key, Row, Value};
use crate::sim::NodeId;

macro_rules! entities {
    ($($name:ident = $n:literal),* $(,)?) => { $(#[allow(missing_docs)] pub const $name: Entity = Entity($n);)* };
}
entities! {
    CLIENT = 19, PET = 20, PRACTITIONER = 21, APPOINTMENT = 22, NOTE = 23, INVOICE = 24, INVOICE_ENTRY = 25,
    PERMISSION = 26,
}

macro_rules! verbs {
    ($($name:ident = $n:literal),* $(,)?) => { $(#[allow(missing_docs)] pub const $name: Verb = Verb($n);)* };
}
verbs! {
    CREATE_CLIENT = 64, SET_PHONE = 65, SET_ADDRESS = 66, DELETE_CLIENT = 67, CREATE_PET = 68, SET_WEIGHT = 69,
    ADD_PRACTITIONER = 70, CREATE_APPOINTMENT = 71, RESCHEDULE = 72, SET_STATUS = 73, SET_REMARK = 74,
    ASSIGN_PRACTITIONER = 75, DELETE_APPOINTMENT = 76, WRITE_NOTE = 77, EDIT_NOTE = 78, ASSESS = 79, CREATE_INVOICE = 80,
    PAY_INVOICE = 81, PERMIT = 82,
}

/// Fields of the entities, by position. Field 0 of each is the practice; empty for a row that both share.
pub mod field {
    #![allow(missing_docs)]
    pub const PRACTICE: u8 = 0;

    pub const PHONE: u8 = 1;
    pub const ADDRESS: u8 = 2;

    pub const PET_CLIENT: u8 = 1;
    pub const PET_WEIGHT: u8 = 2;

    pub const NAME: u8 = 1;

    pub const FOR_PET: u8 = 1;
    pub const BY: u8 = 2;
    pub const SLOT: u8 = 3;
    pub const STATUS: u8 = 4;
    pub const REMARK: u8 = 5;

    pub const OF_APPOINTMENT: u8 = 1;
    pub const SUBJECTIVE: u8 = 2;
    pub const OBJECTIVE: u8 = 3;
    pub const ASSESSMENT: u8 = 4;
    pub const PLAN: u8 = 5;

    pub const INVOICE_CLIENT: u8 = 2;
    pub const INVOICE_TOTAL: u8 = 3;
    pub const INVOICE_DUE: u8 = 4;

    pub const ENTRY_INVOICE: u8 = 1;
    /// What the entry adds to what is due: a payment of 300 books -300.
    pub const ENTRY_AMOUNT: u8 = 2;

    pub const USER: u8 = 1;
    pub const ALLOWED: u8 = 2;
}

/// The practice that a device belongs to: devices 1, 2 and 5 to the first, all others to the second. So a story has two
/// devices of one practice with its first two, and one of another practice with its third.
pub fn practice_of(device: NodeId) -> i64 {
    if matches!(device.0, 1 | 2 | 5) { 1 } else { 2 }
}

/// Users beyond this number stand in for a colleague, and belong to the other practice.
const STAND_INS: u16 = 100;

/// The practice of a row as its user would name it, where the user's word is asked for.
pub fn name_own_practice(row: &mut Row) {
    let own = CLINIC.entity_specs().any(|(entity, _)| entity == row.entity);
    if own && row.actor > STAND_INS {
        let practice = row.get(field::PRACTICE).or_zero();
        row.fields[field::PRACTICE as usize] = Value::int(3 - practice);
    }
}

use Class::{Frozen, Plain, Quantity, Reference};
use Severity::{Critical, High, Low, Medium};

const fn f(name: &'static str, class: Class, severity: Severity) -> FieldSpec {
    FieldSpec { name, class, severity }
}
const OWN: FieldSpec = f("practice", Frozen, Critical);

static ENTITIES: [EntitySpec; 8] = [
    EntitySpec { name: "client", fields: &[OWN, f("phone", Plain, Low), f("address", Plain, Medium)] },
    EntitySpec { name: "pet", fields: &[OWN, f("client", Reference(CLIENT), High), f("weight", Plain, High)] },
    EntitySpec { name: "practitioner", fields: &[OWN, f("name", Plain, Medium)] },
    EntitySpec {
        name: "appointment",
        fields: &[
            OWN,
            f("pet", Reference(PET), High),
            f("practitioner", Reference(PRACTITIONER), High),
            f("slot", Plain, High),
            f("status", Plain, Critical),
            f("remark", Plain, Low),
        ],
    },
    EntitySpec {
        name: "note",
        fields: &[
            OWN,
            f("appointment", Reference(APPOINTMENT), High),
            f("subjective", Plain, Medium),
            f("objective", Plain, High),
            f("assessment", Plain, Critical),
            f("plan", Plain, High),
        ],
    },
    EntitySpec {
        name: "invoice",
        fields: &[
            OWN,
            f("appointment", Reference(APPOINTMENT), Medium),
            f("client", Reference(CLIENT), Medium),
            f("total", Frozen, Critical),
            f("due", Quantity, Critical),
        ],
    },
    EntitySpec {
        name: "invoice_entry",
        fields: &[OWN, f("invoice", Reference(INVOICE), Medium), f("amount", Frozen, Critical)],
    },
    EntitySpec { name: "permission", fields: &[OWN, f("user", Frozen, Critical), f("allowed", Plain, Critical)] },
];

const fn v(name: &'static str, tells: &'static str, stem: &'static str, shape: Shape) -> VerbSpec {
    VerbSpec { name, tells, stem, shape, promise: Promise::Durable }
}
const fn set(entity: Entity) -> Shape {
    Shape::Set { entity }
}

static VERBS: [VerbSpec; 19] = [
    v(
        "create-client",
        "creates a client",
        "client",
        Shape::Record { target: None, values: &["phone", "address"], lines: None },
    ),
    v("set-phone", "sets the phone of", "phone", set(CLIENT)),
    v("set-address", "sets the address of", "address", set(CLIENT)),
    v("delete-client", "deletes the client", "removal", Shape::Target(CLIENT)),
    v(
        "create-pet",
        "creates a pet of",
        "pet",
        Shape::Record { target: Some(("client", CLIENT)), values: &["weight"], lines: None },
    ),
    v("set-weight", "sets the weight of", "weight", set(PET)),
    v(
        "add-practitioner",
        "adds a practitioner",
        "practitioner",
        Shape::Record { target: None, values: &["name"], lines: None },
    ),
    v(
        "create-appointment",
        "makes an appointment for",
        "appointment",
        Shape::Form { rows: &[("pet", PET), ("practitioner", PRACTITIONER)], needed: 2, values: &["slot"] },
    ),
    v("reschedule", "reschedules", "slot", set(APPOINTMENT)),
    v("set-status", "sets the status of", "status", set(APPOINTMENT)),
    v("set-remark", "sets the remark on", "remark", set(APPOINTMENT)),
    v(
        "assign-practitioner",
        "assigns a practitioner to",
        "assignment",
        Shape::Pair { target: ("appointment", APPOINTMENT), other: ("practitioner", PRACTITIONER) },
    ),
    v("delete-appointment", "deletes the appointment", "deletion", Shape::Target(APPOINTMENT)),
    v(
        "write-note",
        "writes a note on",
        "note",
        Shape::Record {
            target: Some(("appointment", APPOINTMENT)),
            values: &["subjective", "objective", "assessment", "plan"],
            lines: None,
        },
    ),
    v("edit-note", "edits the plan of", "plan", set(NOTE)),
    v("assess", "edits the assessment of", "assessment", set(NOTE)),
    v(
        "create-invoice",
        "writes an invoice for",
        "invoice",
        Shape::Form { rows: &[("appointment", APPOINTMENT), ("client", CLIENT)], needed: 2, values: &["total"] },
    ),
    v("pay-invoice", "takes a payment on", "payment", set(INVOICE)),
    v("permit", "sets the permission", "permission", set(PERMISSION)),
];

/// Parts of an invoice: the invoice is 0, its charge `CHARGE`; a payment is `PAYMENT`.
pub const CHARGE: u8 = 1;
/// See [`CHARGE`].
pub const PAYMENT: u8 = 2;

fn transition(op: &Op, _: &dyn Rows, out: &mut Vec<Effect>) {
    use field::*;
    let made = |entity, part| {
        let mut row = Row::new(entity, Key::made(op.id, part));
        row.origin = op.id;
        row.part = part;
        row.actor = op.user;
        row.with(PRACTICE, Value::int(practice_of(op.node)))
    };
    let number = |line| Value::int(op.value(line));
    let other = op.lines().first().map_or(Key::NONE, |line| line.key);
    let edit = |entity, field, value| Effect::Set { entity, key: op.target, field, value };
    let mut book = |part, invoice: Key, delta| {
        let entry = made(INVOICE_ENTRY, part).with(ENTRY_INVOICE, Value::key(invoice));
        out.push(Effect::Create(entry.with(ENTRY_AMOUNT, Value::int(delta))));
        out.push(Effect::Add { entity: INVOICE, key: invoice, field: INVOICE_DUE, delta });
    };
    let effect = match op.verb {
        CREATE_CLIENT => Effect::Create(made(CLIENT, 0).with(PHONE, number(0)).with(ADDRESS, number(1))),
        SET_PHONE => edit(CLIENT, PHONE, number(0)),
        SET_ADDRESS => edit(CLIENT, ADDRESS, number(0)),
        DELETE_CLIENT => Effect::Delete { entity: CLIENT, key: op.target },
        CREATE_PET => Effect::Create(made(PET, 0).with(PET_CLIENT, Value::key(op.target)).with(PET_WEIGHT, number(0))),
        SET_WEIGHT => edit(PET, PET_WEIGHT, number(0)),
        ADD_PRACTITIONER => Effect::Create(made(PRACTITIONER, 0).with(NAME, number(0))),
        CREATE_APPOINTMENT => Effect::Create(
            made(APPOINTMENT, 0)
                .with(FOR_PET, Value::key(op.target))
                .with(BY, Value::key(other))
                .with(SLOT, number(0))
                .with(STATUS, Value::int(0))
                .with(REMARK, Value::NULL),
        ),
        RESCHEDULE => edit(APPOINTMENT, SLOT, number(0)),
        SET_STATUS => edit(APPOINTMENT, STATUS, number(0)),
        SET_REMARK => edit(APPOINTMENT, REMARK, number(0)),
        ASSIGN_PRACTITIONER => edit(APPOINTMENT, BY, Value::key(other)),
        DELETE_APPOINTMENT => Effect::Delete { entity: APPOINTMENT, key: op.target },
        WRITE_NOTE => Effect::Create(
            made(NOTE, 0)
                .with(OF_APPOINTMENT, Value::key(op.target))
                .with(SUBJECTIVE, number(0))
                .with(OBJECTIVE, number(1))
                .with(ASSESSMENT, number(2))
                .with(PLAN, number(3)),
        ),
        EDIT_NOTE => edit(NOTE, PLAN, number(0)),
        ASSESS => edit(NOTE, ASSESSMENT, number(0)),
        CREATE_INVOICE => {
            let invoice = made(INVOICE, 0)
                .with(OF_APPOINTMENT, Value::key(op.target))
                .with(INVOICE_CLIENT, Value::key(other))
                .with(INVOICE_TOTAL, number(0))
                .with(INVOICE_DUE, Value::int(0));
            book(CHARGE, invoice.key, op.value(0));
            out.insert(0, Effect::Create(invoice));
            return;
        }
        PERMIT => edit(PERMISSION, ALLOWED, number(0)),
        PAY_INVOICE => return book(PAYMENT, op.target, -op.value(0)),
        _ => return,
    };
    out.push(effect);
}

fn pieces(op: &Op, out: &mut Vec<Piece>) {
    let mut piece = |entity, part, amount| out.push(Piece { entity, part, amount });
    match op.verb {
        CREATE_CLIENT => piece(CLIENT, 0, None),
        CREATE_PET => piece(PET, 0, None),
        ADD_PRACTITIONER => piece(PRACTITIONER, 0, None),
        CREATE_APPOINTMENT => piece(APPOINTMENT, 0, None),
        WRITE_NOTE => piece(NOTE, 0, None),
        CREATE_INVOICE => {
            piece(INVOICE, 0, None);
            piece(INVOICE_ENTRY, CHARGE, Some((field::ENTRY_AMOUNT, op.value(0))));
        }
        PAY_INVOICE => piece(INVOICE_ENTRY, PAYMENT, Some((field::ENTRY_AMOUNT, -op.value(0)))),
        _ => {}
    }
}

/// A device sees the rows of its practice and those that belong to none; a conflict is seen where the op that lost was
/// done.
pub fn scope(device: NodeId, row: &Row) -> bool {
    let practice = practice_of(device);
    match row.entity {
        Entity::CONFLICT => practice_of(NodeId(row.actor)) == practice,
        entity if entity.is_bookkeeping() => true,
        _ => row.get(field::PRACTICE).get().is_none_or(|own| own == practice),
    }
}

/// The clinic domain.
pub static CLINIC: Domain = Domain {
    name: "clinic",
    first_entity: 19,
    entities: &ENTITIES,
    first_verb: 64,
    verbs: &VERBS,
    ledgers: &[Ledger {
        account: INVOICE,
        quantity: field::INVOICE_DUE,
        entry: INVOICE_ENTRY,
        reference: field::ENTRY_INVOICE,
        amount: field::ENTRY_AMOUNT,
    }],
    parts: &[],
    totals: &[],
    expiry: None,
    unique: &[(APPOINTMENT, &[field::BY, field::SLOT])],
    permission: Some(PermissionLaw { entity: PERMISSION, user: field::USER, allowed: field::ALLOWED }),
    receipts: &[CREATE_INVOICE, PAY_INVOICE],
    scope,
    transition,
    pieces,
    opening: clinic_workload::opening,
    invent: clinic_workload::invent,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::OpId;

    struct Nothing;
    impl Rows for Nothing {
        fn row(&self, _: Entity, _: Key) -> Option<Row> {
            None
        }
    }

    fn effects(op: &Op) -> Vec<Effect> {
        let mut effects = Vec::new();
        transition(op, &Nothing, &mut effects);
        effects
    }

    fn op(verb: Verb, node: u16) -> Op {
        Op::new(OpId(9), NodeId(node), verb).on(Key(1)).line(Key(2), 30)
    }

    #[test]
    fn every_op_brings_about_exactly_the_pieces_it_promises() {
        for (n, spec) in VERBS.iter().enumerate() {
            let op = op(Verb(CLINIC.first_verb + n as u8), 1);
            let mut expected = Vec::new();
            pieces(&op, &mut expected);
            let made = effects(&op).into_iter().filter_map(|effect| match effect {
                Effect::Create(row) => Some((row.entity.0, row.part)),
                _ => None,
            });
            let promised: Vec<(u8, u8)> = expected.iter().map(|piece| (piece.entity.0, piece.part)).collect();
            assert_eq!(made.collect::<Vec<_>>(), promised, "{}", spec.name);
            assert!(!effects(&op).is_empty(), "{} does something", spec.name);
        }
    }

    #[test]
    fn whatever_a_device_makes_belongs_to_its_practice_and_to_no_other() {
        for n in 0..VERBS.len() as u8 {
            for effect in effects(&op(Verb(CLINIC.first_verb + n), 3)) {
                if let Effect::Create(row) = effect {
                    assert!(scope(NodeId(4), &row) && !scope(NodeId(1), &row) && !scope(NodeId(5), &row));
                }
            }
        }
    }

    #[test]
    fn an_invoice_asks_for_its_total_until_it_is_paid() {
        let due = |op: &Op| -> i64 {
            effects(op).iter().map(|effect| if let Effect::Add { delta, .. } = effect { *delta } else { 0 }).sum()
        };
        assert_eq!((due(&op(CREATE_INVOICE, 1)), due(&op(PAY_INVOICE, 1))), (30, -30));
    }

    #[test]
    fn a_status_waits_for_a_human_and_a_telephone_number_does_not() {
        assert_eq!(CLINIC.severity(APPOINTMENT, field::STATUS), Critical);
        assert_eq!(CLINIC.severity(CLIENT, field::PHONE), Low);
    }
}
