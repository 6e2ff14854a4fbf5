//! Every knob of our own sync engine: each field names a mechanism where real systems went wrong.
//!
//! A preset is a value of [`Policy`]; no code reads a preset's name. Each variant says what it does; what goes wrong with
//! it is for the invariants to find. Names in files and on the command line are the kebab-case forms that serde gives.

use crate::sim::Span;
use serde::{Deserialize, Serialize};

macro_rules! knob {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vmeta])* $variant),* }
        impl $name {
            /// Every choice.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];
        }
    };
}

knob! {
    /// How an op is written on the device.
    LocalWrite {
        /// Rows and outbox in one transaction.
        Atomic,
        /// One transaction for each row and each outbox entry, one after the other.
        Separate,
    }
}
knob! {
    /// When the user gets the receipt.
    Receipt {
        /// As soon as the op is on the device.
        AtOnce,
        /// After a sync attempt that is raced against [`Policy::race`]; on time-out the sale counts as done.
        AfterSync,
        /// The same, but on time-out the user is told that it is not known yet.
        AfterSyncOrUnknown,
    }
}
knob! {
    /// In which order a drain sends.
    OutboxOrder {
        /// As queued.
        Fifo,
        /// Updates before creates, then by type table.
        UpdatesFirst,
        /// Creates before updates over everything, then by type table, then by device clock.
        CreatesFirst,
        /// The same, but the payload is grouped by type: creates before updates within each type.
        CreatesFirstInType,
        /// By type table, then as queued.
        ByType,
        /// By the device's clock.
        DeviceClock,
    }
}
knob! {
    /// The order of types within a push.
    TypeTable {
        /// `seri-1` fix 5: product, supplier, supplier order, sale, expense, stock movement, credit payment.
        ProductsFirst,
        /// The route of `seri-1`: sales, then movements, products, batches.
        Route,
        /// `seri-3`: sales, movements, expenses, products.
        SalesFirst,
        /// `seri-2`: twelve types, batches second, users last.
        Twelve,
    }
}
knob! {
    /// What a restart does with items marked as being sent.
    Restart {
        /// Leaves them; the loader does not pick them up.
        Leave,
        /// Puts them back in the queue.
        Requeue,
    }
}
knob! {
    /// How a drain marks what it sent.
    Marking {
        /// By the verdict on each op.
        ByVerdict,
        /// Everything in the batch, whatever the answer says.
        ByBatch,
    }
}
knob! {
    /// What an error answer of the server (HTTP 500) does.
    ErrorAnswer {
        /// Counts as a failure.
        Fails,
        /// Is not looked at: the batch counts as synced.
        Ignored,
    }
}
knob! {
    /// How many drains may run at once.
    Drains {
        /// One.
        Single,
        /// Every trigger starts one.
        Several,
    }
}
knob! {
    /// What an item does when its retries are used up.
    Exhausted {
        /// It stays failed.
        Final,
        /// Every pass picks it up again.
        PickedUp,
    }
}
knob! {
    /// What uses up a retry.
    CountsAs {
        /// Any failure.
        AnyFailure,
        /// A refusal by the server only.
        Refusals,
    }
}
knob! {
    /// What happens when the link comes back.
    Reconnect {
        /// Nothing.
        Nothing,
        /// A push.
        Push,
        /// A push and a pull.
        PushAndPull,
    }
}
knob! {
    /// What follows a sale.
    AfterSale {
        /// Nothing; it waits for the timer.
        Nothing,
        /// A push at once.
        Push,
    }
}
knob! {
    /// What follows any other op.
    AfterEdit {
        /// Nothing; it waits for the timer.
        Nothing,
        /// A push once no edit has come for [`Policy::debounce`].
        Debounced,
        /// A push at once.
        Push,
    }
}
knob! {
    /// Who gives a row its identity.
    Identity {
        /// The device, for ever (a UUID).
        Device,
        /// The server; until then a temporary one.
        Server,
    }
}
knob! {
    /// How the server recognises what it has already done.
    Idempotency {
        /// It does not.
        None,
        /// Check, create, store the key: three statements.
        CheckThenStore,
        /// In the transaction that takes effect.
        SameTransaction,
    }
}
knob! {
    /// What the idempotency key covers.
    KeyCovers {
        /// Sales only.
        Sales,
        /// Every item that creates something.
        Everything,
    }
}
knob! {
    /// How the server validates quantities.
    Validation {
        /// Not at all.
        None,
        /// Reads the quantity, compares, then writes the difference: two statements.
        ReadThenWrite,
        /// In the statement that writes.
        Conditional,
    }
}
knob! {
    /// Which entries are validated.
    Validates {
        /// Those of kind SALE.
        Sales,
        /// All that take something away.
        All,
    }
}
knob! {
    /// What takes effect together.
    Atomicity {
        /// Each item by itself.
        Item,
        /// All items of an op.
        Op,
    }
}
knob! {
    /// Whether pushes can interleave on the server.
    Isolation {
        /// Between any two statements.
        Statements,
        /// Only between transactions.
        Transactions,
    }
}
knob! {
    /// What a sale sends of its product row.
    ProductRow {
        /// Nothing.
        NotSent,
        /// The row without its stock.
        WithoutStock,
        /// The row with its stock.
        WithStock,
    }
}
knob! {
    /// Where the server's stock comes from.
    StockFrom {
        /// The movements.
        Movements,
        /// The stock that product rows carry.
        ProductRows,
        /// Both.
        Both,
    }
}
knob! {
    /// How an edit is held against what is there.
    EditRule {
        /// The later `updatedAt` of the whole row wins; ties go to the server at push and to the server at pull.
        LastWrite,
        /// What arrives last is taken.
        LastArrival,
        /// By field: an edit that did not see the present value is a conflict; the later one is taken, the other is
        /// recorded and told.
        ByField,
    }
}
knob! {
    /// Which clock stamps `updatedAt` or `createdAt` on the server.
    ServerStamp {
        /// The server's own, at commit.
        Server,
        /// The device's, as sent.
        Device,
    }
}
knob! {
    /// Whether the lines of a sale all move stock.
    LinesMove {
        /// All.
        All,
        /// The first only: stock and movement stand outside the loop.
        First,
    }
}
knob! {
    /// Whether deliveries and counts of batches are sent at all.
    BatchPush {
        /// They stay on the device.
        Never,
        /// Rows, found again by identity or by lot and product; the later `updatedAt` wins.
        Rows,
        /// Like everything else.
        Ops,
    }
}
knob! {
    /// Whether a sale takes from batches.
    Allocation {
        /// It does not.
        None,
        /// The server takes from the earliest unexpired batch when it commits.
        FirstExpired,
        /// The server takes from the newest batch.
        Newest,
    }
}
knob! {
    /// When a device takes a sale back.
    RollbackOn {
        /// Never.
        Never,
        /// When any stock error is in the answer to its batch, the sale that waits for it is taken back.
        AnyErrorInBatch,
        /// When the verdict on that op is a rejection.
        OwnVerdict,
    }
}
knob! {
    /// How the stock comes back with a rollback.
    RollbackStock {
        /// The quantity is added to what is shown.
        AddBack,
        /// It is derived again from the server's value and what is pending.
        Derived,
    }
}
knob! {
    /// What a rollback removes.
    RollbackScope {
        /// The sale and its lines; outbox and movements stay.
        SaleAndLines,
        /// Everything of the op.
        WholeOp,
    }
}
knob! {
    /// What a device downloads.
    Pull {
        /// Nothing, ever.
        Never,
        /// Everything, every time.
        Everything,
        /// What was committed since its cursor, in commit order, with the verdicts on its own ops.
        SinceCommit,
    }
}
knob! {
    /// How downloaded rows meet local ones.
    Merge {
        /// The row with the later `updatedAt` wins (a tie goes to the server), stock included.
        LastWrite,
        /// The server's row replaces the local one.
        Overwrite,
        /// The server's row becomes the base, and pending ops are applied on it again.
        Rebase,
    }
}
knob! {
    /// How downloaded movements are merged.
    MovementMerge {
        /// As rows.
        Rows,
        /// Each one changes the shown stock as well.
        Additive,
    }
}
knob! {
    /// What an update does to `created`.
    Created {
        /// It is overwritten with the server's.
        Overwritten,
        /// It stays as it was set.
        Kept,
    }
}
knob! {
    /// What a download does with the lines of sales.
    InitialLines {
        /// Drops them ("mapping TBD").
        Dropped,
        /// A full download adds them without looking whether they are there.
        Added,
        /// Adds or replaces them by identity.
        ByIdentity,
    }
}
knob! {
    /// What "download everything again" does with the outbox.
    Refresh {
        /// Keeps it.
        KeepsOutbox,
        /// Drops it.
        DropsOutbox,
    }
}
knob! {
    /// Which clock stamps ops on the device.
    Clock {
        /// The wall clock.
        Wall,
        /// An estimate of server time that no user can set.
        Estimate,
    }
}
knob! {
    /// How damage on the way is noticed.
    Integrity {
        /// Not at all.
        None,
        /// By the transport (TLS): what is damaged does not arrive.
        Transport,
        /// By a checksum in the message.
        Checksum,
    }
}
knob! {
    /// What the sync lamp counts.
    LampCounts {
        /// Items waiting to be sent, and nothing else.
        Waiting,
        /// Everything that the server does not have.
        Unsynced,
    }
}
knob! {
    /// Whether the app sells what it does not show.
    TillCheck {
        /// It does.
        None,
        /// It refuses.
        Refuses,
    }
}
knob! {
    /// How a deletion is kept on the server.
    Deletion {
        /// The row is removed.
        Removed,
        /// A tombstone stays.
        Tombstone,
    }
}
knob! {
    /// Whether the server keeps an audit trail.
    AuditTrail {
        /// No: a console log at most.
        None,
        /// An entry for each change, rejection and conflict, in the same transaction.
        Complete,
    }
}
knob! {
    /// Whether references are checked by the server's schema.
    References {
        /// No.
        Unchecked,
        /// A row whose parent is not there is refused.
        Checked,
    }
}

/// The largest number that a knob takes by name: a day in milliseconds. A run settles for twenty of the longest period,
/// and a month of heartbeats shows nothing that a day of them does not.
pub const LARGEST: u64 = 86_400_000;

/// One setting of every knob.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// How an op is written on the device.
    pub local_write: LocalWrite,
    /// When the user gets the receipt.
    pub receipt: Receipt,
    /// How long the receipt waits for a sync attempt, in milliseconds.
    pub race: u64,
    /// Whether the app sells what it does not show.
    pub till_check: TillCheck,
    /// In which order a drain sends.
    pub order: OutboxOrder,
    /// The order of types within a push.
    pub types: TypeTable,
    /// Most items in one push (by op: most ops); 0 for no limit.
    pub batch: u32,
    /// What a restart does with items marked as being sent.
    pub restart: Restart,
    /// How a drain marks what it sent.
    pub marking: Marking,
    /// What an error answer does.
    pub error_answer: ErrorAnswer,
    /// How many drains may run at once.
    pub drains: Drains,
    /// Retries before an item is given up; 0 for no limit.
    pub retries: u32,
    /// Delay before the first retry, in milliseconds.
    pub retry_base: u64,
    /// Each further delay is this many times longer.
    pub retry_factor: u64,
    /// Longest delay, in milliseconds.
    pub retry_cap: u64,
    /// What happens when the retries are used up.
    pub exhausted: Exhausted,
    /// What uses up a retry.
    pub counts_as_failure: CountsAs,
    /// How long a device waits for an answer, in milliseconds.
    pub time_out: u64,
    /// Period of the push timer, in milliseconds; 0 for none.
    pub push_every: u64,
    /// Period of the pull timer, in milliseconds; 0 for none.
    pub pull_every: u64,
    /// What happens when the link comes back.
    pub reconnect: Reconnect,
    /// What follows a sale.
    pub after_sale: AfterSale,
    /// What follows any other op.
    pub after_edit: AfterEdit,
    /// Quiet time before a debounced push, in milliseconds.
    pub debounce: u64,
    /// Whether a push is followed by a pull.
    pub pull_after_push: bool,
    /// Whether the app syncs when it starts.
    pub sync_on_start: bool,
    /// Who gives a row its identity.
    pub identity: Identity,
    /// How the server recognises what it has already done.
    pub idempotency: Idempotency,
    /// What the idempotency key covers.
    pub key_covers: KeyCovers,
    /// How long a key lives, in hours; 0 for ever.
    pub key_life: u64,
    /// How the server validates quantities.
    pub validation: Validation,
    /// Which entries are validated.
    pub validates: Validates,
    /// What takes effect together.
    pub atomicity: Atomicity,
    /// Whether pushes can interleave.
    pub isolation: Isolation,
    /// Whether references are checked.
    pub references: References,
    /// What a sale sends of its product row.
    pub product_row: ProductRow,
    /// Where the server's stock comes from.
    pub stock_from: StockFrom,
    /// How an edit is held against what is there.
    pub edits: EditRule,
    /// Which clock stamps `updatedAt` on the server.
    pub server_stamp: ServerStamp,
    /// Which clock stamps `createdAt` on the server.
    pub server_created: ServerStamp,
    /// Whether the lines of a sale all move stock.
    pub lines_move: LinesMove,
    /// Whether batches are sent.
    pub batches: BatchPush,
    /// Whether a sale takes from batches.
    pub allocation: Allocation,
    /// When a device takes a sale back.
    pub rollback_on: RollbackOn,
    /// How the stock comes back with a rollback.
    pub rollback_stock: RollbackStock,
    /// What a rollback removes.
    pub rollback_scope: RollbackScope,
    /// What a device downloads.
    pub pull: Pull,
    /// Most rows in one answer to a pull; 0 for no limit.
    pub page: u32,
    /// How downloaded rows meet local ones.
    pub merge: Merge,
    /// How downloaded movements are merged.
    pub movements: MovementMerge,
    /// What an update does to `created`.
    pub created: Created,
    /// What a download does with the lines of sales.
    pub initial_lines: InitialLines,
    /// What "download everything again" does with the outbox.
    pub refresh: Refresh,
    /// Which clock stamps ops on the device.
    pub clock: Clock,
    /// How damage on the way is noticed.
    pub integrity: Integrity,
    /// What the sync lamp counts.
    pub lamp: LampCounts,
    /// How a deletion is kept.
    pub deletion: Deletion,
    /// Whether the server keeps an audit trail.
    pub audit: AuditTrail,
}

impl Policy {
    /// The delay before retry number `n` (from 1).
    pub fn delay(&self, n: u32) -> Span {
        let mut ms = self.retry_base;
        for _ in 1..n.min(40) {
            ms = ms.saturating_mul(self.retry_factor.max(1)).min(self.retry_cap);
        }
        Span::millis(ms.min(self.retry_cap))
    }

    /// The policy with one knob set by name, as in `validation=conditional`.
    ///
    /// # Errors
    /// The valid names, if the knob or the value is unknown; numbers go up to [`LARGEST`].
    pub fn with(&self, knob: &str, value: &str) -> Result<Policy, BadKnob> {
        let mut fields = serde_json::to_value(self).expect("a policy is plain data");
        let map = fields.as_object_mut().expect("a policy is a record");
        let Some(field) = map.get_mut(&knob.replace('-', "_")) else {
            return Err(BadKnob { knob: true, known: map.keys().map(|k| k.replace('_', "-")).collect() });
        };
        let is_number = field.is_u64();
        let is_choice = field.is_string();
        *field = match value.parse::<u64>() {
            Ok(n) => serde_json::Value::from(n),
            Err(_) if value == "true" || value == "false" => serde_json::Value::from(value == "true"),
            Err(_) => serde_json::Value::from(value),
        };
        let too_large = field.as_u64().is_some_and(|n| n > LARGEST);
        let known = |error: &str| match (is_number, is_choice) {
            (true, _) => vec![format!("a whole number from 0 to {LARGEST}")],
            (_, true) => expected(error),
            _ => ["true", "false"].map(String::from).to_vec(),
        };
        if too_large {
            return Err(BadKnob { knob: false, known: known("") });
        }
        serde_json::from_value(fields).map_err(|error| BadKnob { knob: false, known: known(&error.to_string()) })
    }

    /// Every knob with its value, in order.
    pub fn settings(&self) -> Vec<(String, String)> {
        let fields = serde_json::to_value(self).expect("a policy is plain data");
        let map = fields.as_object().expect("a policy is a record");
        map.iter()
            .map(|(knob, value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_string);
                (knob.replace('_', "-"), text)
            })
            .collect()
    }
}

/// A knob or a value that does not exist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadKnob {
    /// Whether it is the knob that is unknown, rather than its value.
    pub knob: bool,
    /// Valid names.
    pub known: Vec<String>,
}

/// The names between backquotes in serde's message "expected one of `a`, `b`".
fn expected(message: &str) -> Vec<String> {
    let after = message.split_once("expected").map_or("", |(_, rest)| rest);
    after.split('`').skip(1).step_by(2).map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::super::presets;

    #[test]
    fn a_knob_is_set_by_name_and_a_wrong_name_lists_the_right_ones() {
        let base = presets::SERI_2026_01_16;
        let repaired = base.with("validation", "conditional").unwrap();
        assert_ne!(base.validation, repaired.validation);
        assert_eq!(base.with("page", "7").unwrap().page, 7);
        let wrong = base.with("validation", "conditionl").unwrap_err();
        assert!(!wrong.knob && wrong.known.contains(&"conditional".to_string()), "{wrong:?}");
        let too_large = base.with("push-every", "86400001").unwrap_err();
        assert_eq!(too_large.known, ["a whole number from 0 to 86400000"]);
        assert_eq!(base.with("sync-on-start", "perhaps").unwrap_err().known, ["true", "false"]);
        assert!(base.with("validatoin", "none").unwrap_err().known.contains(&"validation".to_string()));
    }

    #[test]
    fn retries_come_after_one_two_and_four_seconds() {
        let delays: Vec<String> = (1..=3).map(|n| presets::SERI_2026_01_16.delay(n).to_string()).collect();
        assert_eq!(delays, ["1s", "2s", "4s"]);
    }
}
