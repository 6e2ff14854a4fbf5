//! What every app can be asked to do, whatever the business: sync now, download everything again, clear the queue, decide a
//! conflict.
//!
//! Commands change no row of their own; how an app obeys is its own affair.

use super::domain::{Promise, Shape, VerbSpec};
use super::op::Verb;

/// The number of the first command; verbs of a business lie below.
pub const FIRST: u8 = 240;

/// Sync now: value 0 for both ways, 1 for push, 2 for pull.
pub const SYNC: Verb = Verb(FIRST);
/// Download everything again.
pub const REFRESH: Verb = Verb(FIRST + 1);
/// Throw away what still has to be sent.
pub const CLEAR_QUEUE: Verb = Verb(FIRST + 2);
/// Decide the conflict that an earlier op of the same device was left in: value 0 for its own edit, 1 for the other.
pub const DECIDE: Verb = Verb(FIRST + 3);

const fn command(name: &'static str, tells: &'static str, shape: Shape) -> VerbSpec {
    VerbSpec { name, tells, stem: name, shape, promise: Promise::Command }
}

/// All commands, from [`FIRST`] on.
pub static COMMANDS: [VerbSpec; 4] = [
    command("sync", "syncs:", Shape::Word(&["both", "push", "pull"])),
    command("refresh", "downloads everything again", Shape::Word(&["now"])),
    command("clear-queue", "clears the sync queue", Shape::Word(&["now"])),
    command("decide", "decides the conflict of", Shape::Decision(&["mine", "theirs"])),
];
