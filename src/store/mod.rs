//! What a node keeps, behind one trait with transactions.
//!
//! Why two stores from the start: the one in memory makes campaigns fast; the one on SQLite proves that the trait is what
//! a real app can implement, and lets anybody open a node's state with ordinary tools. Both are held to one conformance
//! suite and to the same digest. A store decides nothing: no policy lives here. Every listing is in key order.

pub mod memory;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use memory::Memory;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;

use crate::model::{Entity, Key, Row};
use crate::sim::{NodeId, OpId};
use crate::system::Verdict;

/// Which copy of a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Copy {
    /// What the user sees.
    Visible = 0,
    /// What the server last said, without this device's pending ops.
    Base = 1,
}

/// What an outbox item asks the server to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Action {
    /// Make the row.
    Create = 0,
    /// Set the fields of the mask.
    Update = 1,
    /// Delete the row.
    Delete = 2,
    /// Change a quantity; only shows what the op does here, the server derives it from the entries.
    Add = 3,
}

/// How far an outbox item has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Status {
    /// Waiting to be sent.
    Pending = 0,
    /// Being sent.
    Syncing = 1,
    /// The server has it.
    Synced = 2,
    /// Given up.
    Failed = 3,
}

/// One entry of a device's outbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Item {
    /// Its place in the queue, by a local sequence.
    pub seq: u32,
    /// The op that it belongs to.
    pub op: OpId,
    /// What to do.
    pub action: Action,
    /// The row as it was queued; for [`Action::Add`] the one field of the mask holds the change.
    pub row: Row,
    /// The fields that the op set, one bit each.
    pub mask: u8,
    /// When the fields of the mask had last been set, as the author saw it (the greatest of them).
    pub base: i64,
    /// When it was queued, by the device's clock of choice.
    pub queued: i64,
    /// How far it has come.
    pub status: Status,
    /// Failed attempts.
    pub tries: u8,
    /// The request in which it was first sent, by the device's number; 0 while it never was.
    pub request: u32,
    /// The server's commit number, once it is known to have it.
    pub commit: u32,
}

/// A stored verdict, found again by its idempotency key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The idempotency key.
    pub key: u64,
    /// The op.
    pub op: OpId,
    /// The device that sent it.
    pub device: NodeId,
    /// The commit number.
    pub commit: u32,
    /// When it may be cleaned up, by the server's wall clock; `i64::MAX` for never.
    pub expires: i64,
    /// What was decided.
    pub verdict: Verdict,
    /// The identity of the row that was made.
    pub row: Key,
}

/// A number that a node keeps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Cell {
    /// The last commit number (server) or the commit up to which everything was downloaded (device).
    Commit = 0,
    /// The last place in the outbox.
    Seq = 1,
    /// The last identity that the server gave out.
    Identity = 2,
    /// Best estimate of server time minus uptime, in microseconds.
    Offset = 3,
    /// 1 once the device holds the server's data.
    Ready = 4,
    /// How often everything was downloaded.
    Downloads = 5,
    /// How often the device booted, and in its upper bits which installation it is.
    Boots = 6,
    /// The last receipt number or temporary identity of a local sequence.
    Sequence = 7,
    /// The furthest stamp that the server ever saw, in microseconds since 1970.
    Furthest = 8,
    /// How often the app was upgraded.
    Version = 9,
    /// How often the server had been restored from a backup, as far as the node knows.
    Epoch = 10,
    /// When the device's token ends, by the server's clock, in microseconds since 1970; 0 if it has none.
    Token = 11,
}

impl Cell {
    /// How many there are.
    pub const COUNT: usize = Cell::Token as usize + 1;
}

/// The key is already there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Taken;

/// What a node keeps. A step of a node is atomic by itself; `begin` and `rollback` undo a part of a step. A store is
/// cloned between transactions only.
pub trait Store: Clone + Send + Sync {
    /// The store's name.
    const NAME: &'static str;
    /// An empty store.
    fn open() -> Self;

    /// Starts a transaction. They do not nest.
    fn begin(&mut self);
    /// Keeps what the transaction wrote.
    fn commit(&mut self);
    /// Undoes what the transaction wrote.
    fn rollback(&mut self);

    /// A row.
    fn row(&self, copy: Copy, entity: Entity, key: Key) -> Option<Row>;
    /// Adds or replaces a row.
    fn put_row(&mut self, copy: Copy, row: &Row);
    /// Removes a row, if it is there.
    fn remove_row(&mut self, copy: Copy, entity: Entity, key: Key);
    /// Every row in order of entity and key.
    fn each_row(&self, copy: Copy, visit: &mut dyn FnMut(&Row));
    /// Every row of an entity in order of key.
    fn each_of(&self, copy: Copy, entity: Entity, visit: &mut dyn FnMut(&Row));
    /// Visible rows with a version above `version`, in order of version, entity, key.
    fn changed_since(&self, version: u32, visit: &mut dyn FnMut(&Row));

    /// Adds or replaces an outbox item.
    fn put_item(&mut self, item: &Item);
    /// Removes an outbox item, if it is there.
    fn remove_item(&mut self, seq: u32);
    /// An outbox item.
    fn item(&self, seq: u32) -> Option<Item> {
        let mut found = None;
        self.each_item(&mut |item| {
            if item.seq == seq {
                found = Some(*item);
            }
        });
        found
    }
    /// Every outbox item in order of `seq`.
    fn each_item(&self, visit: &mut dyn FnMut(&Item));

    /// Adds or replaces an item beside the outbox: one that the server has, kept in case that it loses it.
    fn keep(&mut self, item: &Item);
    /// Every item beside the outbox in order of `seq`.
    fn each_kept(&self, visit: &mut dyn FnMut(&Item));
    /// Forgets the first items beside the outbox, as long as they were queued before a time.
    fn forget_kept(&mut self, queued_before: i64);

    /// A stored verdict.
    fn answer(&self, key: u64) -> Option<Answer>;
    /// Stores a verdict.
    ///
    /// # Errors
    /// If the key is already there.
    fn insert_answer(&mut self, answer: &Answer) -> Result<(), Taken>;
    /// Forgets a verdict, if it is there.
    fn remove_answer(&mut self, key: u64);
    /// Forgets verdicts that expire before `now`.
    fn forget_answers(&mut self, now: i64);
    /// Verdicts with a commit number above `commit`, in order of commit and key.
    fn answers_since(&self, commit: u32, visit: &mut dyn FnMut(&Answer));

    /// What a temporary identity became.
    fn identity(&self, entity: Entity, temporary: Key) -> Option<Key>;
    /// Remembers what a temporary identity became.
    fn put_identity(&mut self, entity: Entity, temporary: Key, real: Key);

    /// A number; 0 where it was never set.
    fn number(&self, cell: Cell) -> i64;
    /// Sets a number.
    fn set_number(&mut self, cell: Cell, value: i64);
}
