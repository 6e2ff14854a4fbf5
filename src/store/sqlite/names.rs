//! What the tables call the values of an enum.
//!
//! Why: a table is read by people, and a CHECK constraint can list names. Each list is written once and used for
//! writing, reading and the constraint; a value without a name does not compile.

use crate::model::RowState;
use crate::store::{Action, Cell, Status};
use crate::system::Rule;

/// An enum whose values have names in tables.
pub trait Named: Copy + Sized + 'static {
    /// All names.
    const NAMES: &'static [&'static str];
    /// The name of a value.
    fn name(self) -> &'static str;
    /// The value with this name.
    fn named(name: &str) -> Option<Self>;
}

macro_rules! named {
    ($kind:ty: $($value:ident = $name:literal),* $(,)?) => {
        impl Named for $kind {
            const NAMES: &'static [&'static str] = &[$($name),*];
            fn name(self) -> &'static str {
                match self { $(Self::$value => $name),* }
            }
            fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$value),)* _ => None }
            }
        }
    };
}

named!(RowState: Synced = "synced", Pending = "pending", Dead = "dead");
named!(Action: Create = "create", Update = "update", Delete = "delete", Add = "add");
named!(Status: Pending = "pending", Syncing = "syncing", Synced = "synced", Failed = "failed");
named!(Rule: Quantity = "quantity", Missing = "missing", Conflict = "conflict", Deleted = "deleted", Taken = "taken", Forbidden = "forbidden");
named!(Cell:
    Commit = "commit",
    Seq = "seq",
    Identity = "identity",
    Offset = "offset",
    Ready = "ready",
    Downloads = "downloads",
    Boots = "boots",
    Sequence = "sequence",
    Furthest = "furthest",
    Version = "version",
    Epoch = "epoch",
    Token = "token",
);

/// Names of verdicts; what else a verdict says has columns of its own.
pub const VERDICTS: [&str; 4] = ["accepted", "rejected", "superseded", "manual"];
