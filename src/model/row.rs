//! Rows as a user or an auditor sees them: small, `Copy`, and carrying the op that caused them.
//!
//! Why: invariants are decided from who set which field, so each field remembers its op. These tags are ghost data: no
//! system may decide anything by them. Money, quantities and names are integers.

use super::op::Op;
use crate::sim::OpId;

/// Most fields that an entity can have.
pub const FIELDS: usize = 8;

/// A field's value: an integer, null, or missing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(i64);

impl Value {
    /// The field is not there at all (a delta or an old schema left it out).
    pub const MISSING: Value = Value(i64::MIN);
    /// The field is there and holds nothing.
    pub const NULL: Value = Value(i64::MIN + 1);
    /// An integer.
    ///
    /// # Panics
    /// If `n` is one of the two lowest integers, which stand for missing and null.
    pub const fn int(n: i64) -> Value {
        assert!(n > i64::MIN + 1, "the two lowest integers stand for missing and null");
        Value(n)
    }
    /// A reference to a row.
    pub const fn key(key: Key) -> Value {
        Value(key.0 as i64)
    }
    /// The integer, unless missing or null.
    pub fn get(self) -> Option<i64> {
        (self.0 > i64::MIN + 1).then_some(self.0)
    }
    /// The integer; 0 for missing and null.
    pub fn or_zero(self) -> i64 {
        self.get().unwrap_or(0)
    }
    /// The row referred to, unless missing or null.
    pub fn as_key(self) -> Option<Key> {
        self.get().map(|n| Key(n as u64))
    }
    /// The bits, for hashing and storing.
    pub fn bits(self) -> i64 {
        self.0
    }
    /// From [`Value::bits`].
    pub fn of_bits(bits: i64) -> Value {
        Value(bits)
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Value::MISSING => f.write_str("missing"),
            Value::NULL => f.write_str("null"),
            Value(n) => write!(f, "{n}"),
        }
    }
}

/// A row's identity on a node. Opening rows count from 1; rows made by an op carry the op's number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Key(pub u64);

const MADE: u64 = 1 << 60;
const TEMPORARY: u64 = 1 << 61;

impl Key {
    /// No row.
    pub const NONE: Key = Key(0);
    /// The identity that piece `part` of `op` has everywhere when ids are made on the device (a UUID in real life).
    pub const fn made(op: OpId, part: u8) -> Key {
        Key(MADE | (op.0 as u64) << 8 | part as u64)
    }
    /// The same as a temporary id that the server will replace.
    pub const fn temporary(self) -> Key {
        Key(self.0 | TEMPORARY)
    }
    /// Whether the server still has to replace this id.
    pub fn is_temporary(self) -> bool {
        self.0 & TEMPORARY != 0
    }
    /// Whether the id was made by an op on a device, temporary or not.
    pub fn is_made(self) -> bool {
        self.0 & MADE != 0
    }
    /// The op and piece behind an id made by an op.
    pub fn maker(self) -> Option<(OpId, u8)> {
        self.is_made().then_some((OpId((self.0 >> 8) as u32), self.0 as u8))
    }
}

/// A kind of record: an index into [`super::Domain::entities`], or one of the two kinds that every domain has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Entity(pub u8);

impl Entity {
    /// What is set aside of a quantity for one installation of an app; its fields are the system's own.
    pub const GRANT: Entity = Entity(29);
    /// A durable record that a concurrent edit was decided: field 0 the losing op, field 1 the winning op, field 2 the field.
    pub const CONFLICT: Entity = Entity(30);
    /// An entry of the audit trail: field 0 the op, field 1 what (see [`crate::system::Audit`]).
    pub const AUDIT: Entity = Entity(31);
    /// Whether rows of this kind are bookkeeping rather than business.
    pub fn is_bookkeeping(self) -> bool {
        self.0 >= 29
    }
}

/// How far a device believes that a row has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
pub enum RowState {
    /// The server has it (always so on the server).
    #[default]
    Synced,
    /// It still has to be sent.
    Pending,
    /// It was given up.
    Dead,
}

/// A record on a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// What kind of record.
    pub entity: Entity,
    /// Its identity on this node.
    pub key: Key,
    /// Which piece of its op's effect it is.
    pub part: u8,
    /// How far it has come.
    pub state: RowState,
    /// A tombstone: deleted, kept so that others learn of it.
    pub deleted: bool,
    /// The user it was made by.
    pub actor: u16,
    /// Ghost: the op that made it; [`OpId::NONE`] for opening rows.
    pub origin: OpId,
    /// The server's commit number of its last change, where the system keeps one; else 0.
    pub version: u32,
    /// When it was made, by whatever clock the system uses: microseconds since 1970. Never changes.
    pub created: i64,
    /// When it was last changed, by whatever clock the system uses.
    pub stamp: i64,
    /// When each field was last set by an edit, in a system that decides by field; else 0.
    pub stamps: [i64; FIELDS],
    /// The fields.
    pub fields: [Value; FIELDS],
    /// Ghost: the op that last set each field.
    pub set_by: [OpId; FIELDS],
}

impl Row {
    /// A row of this kind and identity with every field missing.
    pub fn new(entity: Entity, key: Key) -> Row {
        Row {
            entity,
            key,
            part: 0,
            state: RowState::Synced,
            deleted: false,
            actor: 0,
            origin: OpId::NONE,
            version: 0,
            created: 0,
            stamp: 0,
            stamps: [0; FIELDS],
            fields: [Value::MISSING; FIELDS],
            set_by: [OpId::NONE; FIELDS],
        }
    }

    /// A row that `op` makes: piece `part` of its effect, under an id made on the device, as the op's user.
    pub fn made(entity: Entity, op: &Op, part: u8) -> Row {
        Row { part, actor: op.user, origin: op.id, ..Row::new(entity, Key::made(op.id, part)) }
    }

    /// The same with a field set by the row's origin.
    ///
    /// # Panics
    /// If `field` is [`FIELDS`] or more.
    pub fn with(mut self, field: u8, value: Value) -> Row {
        self.fields[field as usize] = value;
        self.set_by[field as usize] = self.origin;
        self
    }

    /// A field; [`Value::MISSING`] if it was never set.
    ///
    /// # Panics
    /// If `field` is [`FIELDS`] or more.
    pub fn get(&self, field: u8) -> Value {
        self.fields[field as usize]
    }

    /// A field's integer; 0 for missing and null.
    ///
    /// # Panics
    /// If `field` is [`FIELDS`] or more.
    pub fn int(&self, field: u8) -> i64 {
        self.get(field).or_zero()
    }

    /// Sets a field on behalf of `op`; report the change with [`crate::system::Context::wrote`].
    ///
    /// # Panics
    /// If `field` is [`FIELDS`] or more.
    pub fn set(&mut self, field: u8, value: Value, op: OpId) {
        self.fields[field as usize] = value;
        self.set_by[field as usize] = op;
    }
}
