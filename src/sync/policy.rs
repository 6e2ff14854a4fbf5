//! Every knob of our own sync engine: each field names a mechanism where real systems went wrong.
//!
//! A preset is a value of [`Policy`]; no code reads a preset's name. Names in files and on the command line are the kebab-case forms that serde gives.

pub use super::knobs::*;
use crate::sim::Span;
use serde::{Deserialize, Serialize};

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
    /// Where receipt numbers come from.
    pub numbers: Numbers,
    /// What an item that failed but will be tried again is called.
    pub failed_state: FailedState,
    /// What a rejection does on the device.
    pub on_rejection: OnRejection,
    /// When an item leaves the outbox.
    pub dequeue: Dequeue,
    /// When an op's idempotency key is made.
    pub key_made: KeyMade,
    /// What makes a device try again after a failure.
    pub liveness: Liveness,
    /// As whom an op is sent.
    pub owner: Owner,
    /// What an upgrade does with what was queued before.
    pub schema: Schema,
    /// Whether queued changes of one row are joined.
    pub coalesce: Coalesce,
    /// What an edit names as the state that its author saw.
    pub edit_base: EditBase,
    /// What happens to ops that build on a rejected one.
    pub cascade: Cascade,
    /// How the delay before a retry grows.
    pub back_off: BackOff,
    /// Where a device keeps the server's identity of a row that it made.
    pub mapping: Mapping,
    /// Who replaces temporary identities in what refers to them.
    pub mapped_by: Mapped,
    /// What a temporary identity is made of.
    pub temp_ids: TempIds,
    /// What an op's identity is made of.
    pub op_ids: OpIds,
    /// Where an op that lost a conflict and is sent again goes.
    pub requeue: Requeue,
    /// How an answer tells that some ops of a push failed.
    pub partial_failure: PartialFailure,
    /// What "clear the sync queue" does.
    pub clear_queue: ClearQueue,
    /// When the user is told that the device is up to date.
    pub up_to_date: UpToDate,
    /// What the server looks at first.
    pub checks: Checks,
    /// When an edit is held against the present value.
    pub version_check: VersionCheck,
    /// How a row that is known by its content is found again.
    pub natural_key: NaturalKey,
    /// How tenants, practices and users are kept apart.
    pub scope: Scope,
    /// When a change gets its place in the order that cursors follow.
    pub cursor: Cursor,
    /// What the next page begins after.
    pub page_edge: PageEdge,
    /// When a device's cursor moves.
    pub cursor_moves: CursorMoves,
    /// What the pull after a push brings.
    pub filtered_pull: FilteredPull,
    /// When a trigger pulls.
    pub pull_when: PullWhen,
    /// Which entities a pull brings.
    pub tables: Tables,
    /// What the server does with a row whose identity it has already.
    pub same_row: SameRow,
    /// What is set aside before it is sold.
    pub escrow: Escrow,
    /// How long the server holds what a sale asked for, in milliseconds.
    pub hold_life: u64,
    /// Whether the server tells devices of changes as they happen.
    pub live: Live,
    /// What makes an edit a conflict.
    pub detection: Detection,
    /// How a conflict is decided.
    pub resolution: Resolution,
    /// What the author of the edit that lost is told.
    pub loser: Loser,
    /// What a merge takes a field for that one side does not have.
    pub missing_field: MissingField,
    /// Where a conflict is decided.
    pub strategy: Strategy,
    /// What an edit of a deleted row does.
    pub on_deleted: OnDeleted,
    /// What decides between two edits with equal stamps.
    pub tie: Tie,
    /// What is decided without a human under the strategies that ask one.
    pub decider: Decider,
    /// Where it is looked at whether the user may.
    pub permissions: Permissions,
    /// What a device does once the server has been restored from a backup.
    pub after_restore: AfterRestore,
    /// How long a token lives, in milliseconds; 0 for no authentication.
    pub token_life: u64,
    /// What an answer of 401 does.
    pub unauthorised: Unauthorised,
    /// How long a device waits for a connection, in milliseconds; 0 for no wait: it learns at once that there is none.
    pub connect_time_out: u64,
    /// How long a device waits for the answer to a pull, in milliseconds; 0 for as long as `time_out`.
    pub read_time_out: u64,
    /// What an edit sends of its row.
    pub payload: Payload,
    /// What a deletion does whose author had not seen the latest edit.
    pub stale_deletion: StaleDeletion,
}

impl Policy {
    /// Whether the server takes the items of an op together, in one transaction or in a few.
    pub fn by_op(&self) -> bool {
        self.atomicity != Atomicity::Item
    }

    /// The delay before retry number `n` (from 1) as this device really waits.
    pub fn wait(&self, n: u32) -> Span {
        match self.back_off {
            BackOff::Exponential => self.delay(n),
            BackOff::Xor => Span::millis((self.retry_base * u64::from(2 ^ (n - 1))).min(self.retry_cap)),
        }
    }

    /// The delay before retry number `n` (from 1), as documented.
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
