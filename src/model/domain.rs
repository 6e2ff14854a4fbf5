//! A business as data: its entities, fields, laws and ops, and the pure transition of each op.
//!
//! Why: the harness decides its invariants from this table, so it needs to know no shop and no clinic; and the engine
//! executes any domain with the same code. Entry type: [`Domain`].

use super::op::{Op, Verb};
use super::row::{Entity, Key, Row, Value};
pub use super::shape::{Shape, form_rows};
use crate::sim::{Draw, NodeId};

/// What a field is, which decides how the harness judges it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// An ordinary field: a concurrent overwrite needs a decision.
    Plain,
    /// A stock or balance: never below zero on the server, kept by a ledger.
    Quantity,
    /// Points at a row of another entity.
    Reference(Entity),
    /// Unique among all rows of the entity (a receipt number).
    Number,
    /// Set once, when the row is made.
    Frozen,
    /// Filled in by the server when it commits; a device may not know it yet.
    Assigned,
}

/// How much depends on a field: what a system may decide by itself, and what a human must look at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Severity {
    /// Safe to decide without anybody: a telephone number.
    Low,
    /// An ordinary field.
    #[default]
    Medium,
    /// Important.
    High,
    /// Two different values cannot both be right, and only a human knows which is.
    Critical,
}

/// A field.
#[derive(Clone, Copy, Debug)]
pub struct FieldSpec {
    /// Its name in files and tables.
    pub name: &'static str,
    /// What it is.
    pub class: Class,
    /// How much depends on it.
    pub severity: Severity,
}

impl FieldSpec {
    /// A field of medium severity.
    pub const fn new(name: &'static str, class: Class) -> FieldSpec {
        FieldSpec { name, class, severity: Severity::Medium }
    }
}

/// An entity.
#[derive(Clone, Copy, Debug)]
pub struct EntitySpec {
    /// Its name in files and tables.
    pub name: &'static str,
    /// Its fields, at most [`super::row::FIELDS`].
    pub fields: &'static [FieldSpec],
}

impl EntitySpec {
    /// An entity with these fields.
    ///
    /// # Panics
    /// If there are more than [`super::row::FIELDS`] fields.
    pub const fn new(name: &'static str, fields: &'static [FieldSpec]) -> EntitySpec {
        assert!(fields.len() <= super::row::FIELDS, "an entity has at most 8 fields");
        EntitySpec { name, fields }
    }
}

/// What kind of promise an op is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Promise {
    /// It makes or changes rows, and must not be lost once the user was told `saved`.
    Durable,
    /// It asks the app to do something (sync now, refresh) and changes no row of its own.
    Command,
    /// It only prepares (fills a cart) and may vanish with the app.
    Preparation,
}

/// A kind of op.
#[derive(Clone, Copy, Debug)]
pub struct VerbSpec {
    /// Its name in files.
    pub name: &'static str,
    /// What it is called in a story: "sells", "sets the price of".
    pub tells: &'static str,
    /// The stem of generated op names: "sale" for `sale-3`.
    pub stem: &'static str,
    /// How it is written.
    pub shape: Shape,
    /// What kind of promise it is.
    pub promise: Promise,
}

impl VerbSpec {
    /// A durable op, told in stories and generated under its own name.
    pub const fn new(name: &'static str, shape: Shape) -> VerbSpec {
        VerbSpec { name, tells: name, stem: name, shape, promise: Promise::Durable }
    }
}

/// A quantity that equals its opening value plus the sum of its entries.
#[derive(Clone, Copy, Debug)]
pub struct Ledger {
    /// The entity that holds the quantity.
    pub account: Entity,
    /// The field that holds it.
    pub quantity: u8,
    /// The entity of the entries.
    pub entry: Entity,
    /// The entry's reference to the account.
    pub reference: u8,
    /// The entry's signed amount.
    pub amount: u8,
}

/// A quantity that equals the sum over its parts, wherever it has any.
#[derive(Clone, Copy, Debug)]
pub struct PartsLaw {
    /// The entity of the whole and its quantity.
    pub whole: (Entity, u8),
    /// The entity of the parts and their quantity.
    pub part: (Entity, u8),
    /// The part's reference to the whole.
    pub reference: u8,
}

/// A total that equals the sum of amount times price over the lines of the same op.
#[derive(Clone, Copy, Debug)]
pub struct TotalLaw {
    /// The entity with the total, and the field.
    pub head: (Entity, u8),
    /// The entity of the lines, their amount and their price.
    pub line: (Entity, u8, u8),
}

/// Who may make rows: a user for whom a row of this entity says no may not.
#[derive(Clone, Copy, Debug)]
pub struct PermissionLaw {
    /// The entity of the permissions.
    pub entity: Entity,
    /// The field that holds the user.
    pub user: u8,
    /// The field that says whether the user may: 0 for no.
    pub allowed: u8,
}

impl PermissionLaw {
    /// Whether this row says that a user may not.
    pub fn forbids(&self, row: &Row, user: u16) -> bool {
        row.entity == self.entity
            && !row.deleted
            && row.get(self.user).get() == Some(i64::from(user))
            && row.get(self.allowed).get() == Some(0)
    }
}

/// Batches that must be sold earliest expiry first.
#[derive(Clone, Copy, Debug)]
pub struct ExpiryLaw {
    /// The entity of the batches.
    pub batch: Entity,
    /// Its reference to the product.
    pub product: u8,
    /// Its expiry, in days since 1970.
    pub expires: u8,
    /// Its quantity.
    pub quantity: u8,
    /// The entity of the entries that take from a batch.
    pub entry: Entity,
    /// The entry's reference to the batch.
    pub entry_batch: u8,
    /// The entry's kind; only entries with `sale_kind` are bound by the law.
    pub entry_kind: u8,
    /// The kind of an entry that is a sale.
    pub sale_kind: i64,
}

/// A piece of what an op brings about when it takes effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The entity of the row.
    pub entity: Entity,
    /// The row's part; a row split in several has parts that differ by multiples of [`SPLIT`].
    pub part: u8,
    /// The field whose sum over the splits must reach `amount`, if there is one.
    pub amount: Option<(u8, i64)>,
}

/// Parts that differ by this much are splits of one piece.
pub const SPLIT: u8 = 32;

/// A change that an op asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // a variant's comment names its fields
pub enum Effect {
    /// A new row.
    Create(Row),
    /// A field is set, whatever it was.
    Set {
        /// The row's entity.
        entity: Entity,
        /// The row's identity.
        key: Key,
        /// The field.
        field: u8,
        /// Its new value.
        value: Value,
    },
    /// A quantity changes by so much.
    Add {
        /// The row's entity.
        entity: Entity,
        /// The row's identity.
        key: Key,
        /// The field.
        field: u8,
        /// By how much.
        delta: i64,
    },
    /// A row is deleted.
    Delete {
        /// The row's entity.
        entity: Entity,
        /// The row's identity.
        key: Key,
    },
}

/// Read access to a node's rows.
pub trait Rows {
    /// The live row with this identity.
    fn row(&self, entity: Entity, key: Key) -> Option<Row>;
}

/// A source of generator luck, each draw under its own name.
pub struct Dice {
    draw: Draw,
}

impl Dice {
    /// Dice that start from one draw.
    pub fn new(draw: Draw) -> Dice {
        Dice { draw }
    }
    /// A number in `0..n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.draw = self.draw.next();
        self.draw.below(n)
    }
    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    /// A number in `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }
}

/// What the generator of a domain may draw from when it invents an op.
pub struct Setting<'a> {
    /// Opening rows.
    pub rows: &'a [Row],
    /// The business.
    pub domain: &'static Domain,
    /// Ops invented so far, in no order of time across devices.
    pub ops: &'a [Op],
    /// Whether a few rows should be hot.
    pub hot: bool,
}

impl Setting<'_> {
    /// A row of an entity that the device of `op` can know of: an opening row in its scope, or one that an op of the
    /// verb `maker` made there.
    pub fn pick(
        &self,
        dice: &mut Dice,
        op: &Op,
        entity: Entity,
        maker: Verb,
        scope: fn(NodeId, &Row) -> bool,
    ) -> Option<Key> {
        let opening = self.rows.iter().filter(|row| row.entity == entity && scope(op.node, row)).map(|row| row.key);
        let own = self.ops.iter().filter(|made| made.node == op.node && made.verb == maker);
        let keys: Vec<Key> = opening.chain(own.map(|made| Key::made(made.id, 0))).collect();
        if keys.is_empty() {
            return None;
        }
        let among = if self.hot && dice.below(4) != 0 { 1 } else { keys.len() as u64 };
        Some(keys[dice.below(among) as usize])
    }
    /// A row of an entity that the device of `op` can know of: an opening row in its scope, or one that an op of its own
    /// makes by the domain's `pieces`. On hot days mostly the first.
    pub fn row(&self, dice: &mut Dice, op: &Op, entity: Entity) -> Option<Key> {
        super::any_workload::row(dice, self, op, entity)
    }
    /// What was invented last for the device of `op`.
    pub fn last(&self, op: &Op) -> Option<&Op> {
        self.ops.iter().rfind(|made| made.node == op.node)
    }
}

/// A business as data.
#[derive(Clone, Copy)]
pub struct Domain {
    /// Its name.
    pub name: &'static str,
    /// The number of the first entity: no two domains share a number, so one policy can name mechanisms of each.
    pub first_entity: u8,
    /// Entities, from the first number on.
    pub entities: &'static [EntitySpec],
    /// The number of the first verb.
    pub first_verb: u8,
    /// Verbs of this business, from the first number on; [`super::command::COMMANDS`] are verbs of every business.
    pub verbs: &'static [VerbSpec],
    /// Quantities kept by entries.
    pub ledgers: &'static [Ledger],
    /// Quantities split in parts.
    pub parts: &'static [PartsLaw],
    /// Totals over lines.
    pub totals: &'static [TotalLaw],
    /// Earliest expiry first.
    pub expiry: Option<ExpiryLaw>,
    /// Fields that no two live rows of an entity share, where all of them are set: a practitioner's slot.
    pub unique: &'static [(Entity, &'static [u8])],
    /// Who may make rows, where that is not everybody.
    pub permission: Option<PermissionLaw>,
    /// Ops that somebody waits for at the counter, to leave with a receipt.
    pub receipts: &'static [Verb],
    /// Whether a row belongs on a device.
    pub scope: fn(NodeId, &Row) -> bool,
    /// What an op asks for, given what its device shows.
    pub transition: fn(&Op, &dyn Rows, &mut Vec<Effect>),
    /// What must exist on a node once an op took effect there: all of it or none.
    pub pieces: fn(&Op, &mut Vec<Piece>),
    /// Opening rows for a generated run; few of them where the flag says that the day is hot.
    pub opening: fn(&'static Domain, &mut Dice, bool) -> Vec<(String, Row)>,
    /// Invents one op for a device; `None` when nothing fits.
    pub invent: fn(&mut Dice, &Setting<'_>, Op) -> Option<Op>,
}

impl Domain {
    /// A business of these entities and verbs and nothing more: no laws, every row on every device, ops that bring about
    /// nothing that could be split, and days in which anything happens that the verbs' shapes allow
    /// ([`super::any_workload`]). A law is added by naming it: `Domain { ledgers: &[..], ..Domain::new(..) }`.
    ///
    /// Entities and verbs count from 0, so that the first entity is `Entity(0)` and the first verb `Verb(0)`.
    ///
    /// # Panics
    /// If there are more than 28 entities or 240 verbs: higher numbers are taken. If a verb's shape names an entity that is
    /// not in the list, or needs more lines than an op has ([`super::op::LINES`]). In a `static` that is a compile error.
    pub const fn new(name: &'static str, entities: &'static [EntitySpec], verbs: &'static [VerbSpec]) -> Domain {
        assert!(entities.len() <= 28, "a business has at most 28 entities");
        assert!(verbs.len() <= 240, "a business has at most 240 verbs");
        let mut n = 0;
        while n < verbs.len() {
            verbs[n].shape.check(entities.len());
            n += 1;
        }
        Domain {
            name,
            first_entity: 0,
            entities,
            first_verb: 0,
            verbs,
            ledgers: &[],
            parts: &[],
            totals: &[],
            expiry: None,
            unique: &[],
            permission: None,
            receipts: &[],
            scope: everywhere,
            transition: nothing,
            pieces: no_pieces,
            opening: super::any_workload::opening,
            invent: super::any_workload::invent,
        }
    }

    /// An entity's name.
    pub fn entity_name(&self, entity: Entity) -> &'static str {
        match entity {
            Entity::GRANT => "grant",
            Entity::CONFLICT => "conflict",
            Entity::AUDIT => "audit",
            _ => self.entity_spec(entity).map_or("?", |spec| spec.name),
        }
    }
    /// An entity by name.
    pub fn entity(&self, name: &str) -> Option<Entity> {
        self.entity_specs().find(|(_, spec)| spec.name == name).map(|(entity, _)| entity)
    }
    /// The fields of an entity.
    pub fn fields(&self, entity: Entity) -> &'static [FieldSpec] {
        self.entity_spec(entity).map_or(&[], |spec| spec.fields)
    }
    /// The class of a field; plain where the domain has no such field.
    pub fn class(&self, entity: Entity, field: u8) -> Class {
        self.fields(entity).get(field as usize).map_or(Class::Plain, |spec| spec.class)
    }
    /// How much depends on a field.
    pub fn severity(&self, entity: Entity, field: u8) -> Severity {
        self.fields(entity).get(field as usize).map_or(Severity::default(), |spec| spec.severity)
    }
    /// The quantities of an entity that entries keep, each once, however many kinds of entries there are.
    pub fn accounts(&self, entity: Entity) -> impl Iterator<Item = u8> + use<> {
        let ledgers = self.ledgers;
        let first = |n: &usize| (ledgers[*n].account, ledgers[*n].quantity);
        let own = (0..ledgers.len()).filter(move |n| ledgers[*n].account == entity);
        own.filter(move |n| (0..*n).all(|other| first(&other) != first(n))).map(|n| ledgers[n].quantity)
    }
    /// The fields of an entity that no two of its live rows may share together.
    pub fn unique_of(&self, entity: Entity) -> impl Iterator<Item = &'static [u8]> + use<> {
        self.unique.iter().filter(move |(of, _)| *of == entity).map(|(_, fields)| *fields)
    }
    /// A verb's table entry.
    pub fn verb(&self, op: &Op) -> &'static VerbSpec {
        self.verb_spec(op.verb)
    }
    /// The table entry of a verb of this business or of a command.
    ///
    /// # Panics
    /// If the verb belongs to another business.
    pub fn verb_spec(&self, verb: Verb) -> &'static VerbSpec {
        match verb.0.checked_sub(super::command::FIRST) {
            Some(n) => &super::command::COMMANDS[n as usize],
            None => &self.verbs[(verb.0 - self.first_verb) as usize],
        }
    }
    /// All verbs with their numbers: those of the business, then the commands.
    pub fn verb_specs(&self) -> impl Iterator<Item = (Verb, &'static VerbSpec)> + Clone + use<> {
        let (own, commands) = (self.verbs.iter().zip(self.first_verb..), super::command::COMMANDS.iter());
        own.chain(commands.zip(super::command::FIRST..)).map(|(spec, n)| (Verb(n), spec))
    }
    /// A verb by name.
    pub fn verb_named(&self, name: &str) -> Option<(Verb, &'static VerbSpec)> {
        self.verb_specs().find(|(_, spec)| spec.name == name)
    }
    /// All entities of the business with their numbers.
    pub fn entity_specs(&self) -> impl Iterator<Item = (Entity, &'static EntitySpec)> + Clone + use<> {
        self.entities.iter().zip(self.first_entity..).map(|(spec, n)| (Entity(n), spec))
    }
    fn entity_spec(&self, entity: Entity) -> Option<&'static EntitySpec> {
        self.entities.get(entity.0.checked_sub(self.first_entity)? as usize)
    }
    /// Whether an op must not be lost once the user was told `saved`.
    pub fn is_durable(&self, op: &Op) -> bool {
        self.verb(op).promise == Promise::Durable
    }
    /// Whether an op is what a till is for: it makes a row with a total over its lines (a sale, an invoice).
    pub fn is_sale(&self, op: &Op) -> bool {
        if !self.is_durable(op) || self.totals.is_empty() {
            return false;
        }
        let mut pieces = Vec::new();
        (self.pieces)(op, &mut pieces);
        pieces.iter().any(|piece| self.totals.iter().any(|law| law.head.0 == piece.entity))
    }
}

fn nothing(_: &Op, _: &dyn Rows, _: &mut Vec<Effect>) {}

fn no_pieces(_: &Op, _: &mut Vec<Piece>) {}

/// Every row belongs on every device.
pub fn everywhere(_: NodeId, _: &Row) -> bool {
    true
}

impl std::fmt::Debug for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Domain({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTITIES: &[EntitySpec] = &[EntitySpec::new("note", &[FieldSpec::new("text", Class::Plain)])];

    fn with(shape: Shape) -> Domain {
        Domain::new("notes", ENTITIES, Box::leak(Box::new([VerbSpec::new("write", shape)])))
    }

    #[test]
    fn a_verb_names_entities_that_there_are_and_has_as_many_lines_as_an_op() {
        let record = |values| Shape::Record { target: None, values, lines: Some(("notes", Entity(0))) };
        assert_eq!(with(record(&["a", "b", "c"])).verbs.len(), 1);
        for wrong in [Shape::Target(Entity(1)), record(&["a", "b", "c", "d"]), Shape::Word(&[])] {
            assert!(std::panic::catch_unwind(|| with(wrong)).is_err(), "{wrong:?}");
        }
    }
}
