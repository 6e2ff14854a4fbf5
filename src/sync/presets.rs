//! Named policies: the Seri system as its own documents describe it, and a sound one.
//!
//! Each says which reading it takes where the documents contradict each other; ARCHITECTURE.md tells why.

use super::policy::*;

/// As found on 2026-01-16 (`seri-1` §1–3). Readings: pull exists and brings everything; a push every 60 s; a sale queues its
/// product row without the stock, and products go before movements, so that both T0–T5 tables hold; within a type
/// updates go before creates ("array iteration order"); FAILED is final; the answer's status is not looked at; a
/// request is given up after 3 s, so that the first retry falls into the 5 s that fix 2 waits.
pub const SERI_2026_01_16: Policy = Policy {
    local_write: LocalWrite::Separate,
    receipt: Receipt::AtOnce,
    race: 5_000,
    till_check: TillCheck::None,
    order: OutboxOrder::UpdatesFirst,
    types: TypeTable::ProductsFirst,
    batch: 0,
    restart: Restart::Leave,
    marking: Marking::ByVerdict,
    error_answer: ErrorAnswer::Ignored,
    drains: Drains::Several,
    retries: 3,
    retry_base: 1_000,
    retry_factor: 2,
    retry_cap: 60_000,
    exhausted: Exhausted::Final,
    counts_as_failure: CountsAs::AnyFailure,
    time_out: 3_000,
    push_every: 60_000,
    pull_every: 300_000,
    reconnect: Reconnect::PushAndPull,
    after_sale: AfterSale::Nothing,
    after_edit: AfterEdit::Nothing,
    debounce: 3_000,
    pull_after_push: false,
    sync_on_start: false,
    identity: Identity::Server,
    idempotency: Idempotency::None,
    key_covers: KeyCovers::Sales,
    key_life: 24,
    validation: Validation::None,
    validates: Validates::Sales,
    atomicity: Atomicity::Item,
    isolation: Isolation::Statements,
    references: References::Checked,
    product_row: ProductRow::WithoutStock,
    stock_from: StockFrom::Movements,
    edits: EditRule::LastWrite,
    server_stamp: ServerStamp::Server,
    server_created: ServerStamp::Server,
    lines_move: LinesMove::All,
    batches: BatchPush::Never,
    allocation: Allocation::None,
    rollback_on: RollbackOn::Never,
    rollback_stock: RollbackStock::AddBack,
    rollback_scope: RollbackScope::SaleAndLines,
    pull: Pull::Everything,
    page: 0,
    merge: Merge::LastWrite,
    movements: MovementMerge::Rows,
    created: Created::Overwritten,
    initial_lines: InitialLines::Dropped,
    refresh: Refresh::KeepsOutbox,
    clock: Clock::Wall,
    integrity: Integrity::Transport,
    lamp: LampCounts::Waiting,
    deletion: Deletion::Removed,
    audit: AuditTrail::None,
    numbers: Numbers::OwnBlock,
    failed_state: FailedState::Waiting,
    on_rejection: OnRejection::Tells,
    dequeue: Dequeue::OnAck,
    key_made: KeyMade::Once,
    liveness: Liveness::Timers,
    owner: Owner::InOp,
    schema: Schema::Migrates,
    coalesce: Coalesce::Nothing,
    edit_base: EditBase::Chained,
    cascade: Cascade::Cancels,
    back_off: BackOff::Exponential,
    mapping: Mapping::Persisted,
    mapped_by: Mapped::Server,
    temp_ids: TempIds::Unique,
    op_ids: OpIds::DeviceAndCounter,
    requeue: Requeue::InOrder,
    partial_failure: PartialFailure::PerOp,
    clear_queue: ClearQueue::Reports,
    up_to_date: UpToDate::WhenComplete,
    checks: Checks::KeyFirst,
    version_check: VersionCheck::InTransaction,
    natural_key: NaturalKey::Unique,
    scope: Scope::Kept,
    cursor: Cursor::AtCommit,
    page_edge: PageEdge::WholeCommits,
    cursor_moves: CursorMoves::AfterEachPage,
    filtered_pull: FilteredPull::Everything,
    pull_when: PullWhen::Always,
    tables: Tables::All,
    same_row: SameRow::MakesAnother,
    escrow: Escrow::Nothing,
    hold_life: 60_000,
    live: Live::Nothing,
    detection: Detection::BaseVersion,
    resolution: Resolution::LaterEdit,
    loser: Loser::Told,
    missing_field: MissingField::Deletion,
    strategy: Strategy::OnServer,
    on_deleted: OnDeleted::Refused,
    tie: Tie::ByDevice,
    decider: Decider::Severity,
    permissions: Permissions::Unchecked,
    after_restore: AfterRestore::TrustsItsMarks,
    token_life: 0,
    unauthorised: Unauthorised::Pauses,
    connect_time_out: 0,
    read_time_out: 0,
    payload: Payload::Rows,
    stale_deletion: StaleDeletion::Taken,
};

/// `seri-2`: 01-16 with batches pushed, `createdAt` kept, the lines of sales downloaded, a pull after each push, and its
/// table of twelve types; none of the five fixes of `seri-1`.
pub const SERI_2026_01_17: Policy = Policy {
    types: TypeTable::Twelve,
    batches: BatchPush::Rows,
    created: Created::Kept,
    initial_lines: InitialLines::Added,
    pull_after_push: true,
    ..SERI_2026_01_16
};

/// `seri-3`: push only, every 30 s and at once after a sale; sales, movements, expenses, products; what arrives last is
/// taken; everything that was read is marked synced; stock and movement stand outside the loop over the lines.
pub const SERI_MVP: Policy = Policy {
    order: OutboxOrder::ByType,
    types: TypeTable::SalesFirst,
    marking: Marking::ByBatch,
    push_every: 30_000,
    pull_every: 0,
    reconnect: Reconnect::Push,
    after_sale: AfterSale::Push,
    after_edit: AfterEdit::Push,
    product_row: ProductRow::NotSent,
    edits: EditRule::LastArrival,
    lines_move: LinesMove::First,
    pull: Pull::Never,
    ..SERI_2026_01_16
};

/// `seri-1` after its first week: validation (fix 1) and the raced sync before the receipt (fix 2), nothing else.
pub const SERI_WEEK_1: Policy = Policy {
    receipt: Receipt::AfterSync,
    // There are no keys yet; what they would cover makes no difference.
    key_covers: KeyCovers::Everything,
    validation: Validation::ReadThenWrite,
    rollback_on: RollbackOn::AnyErrorInBatch,
    error_answer: ErrorAnswer::Fails,
    ..SERI_2026_01_16
};

/// All five fixes of `seri-1` as written. The awaited sync of fix 2 and the fire-and-forget of fix 4 hook the same line.
/// Fix 5 sorts on the device, but the payload is grouped by type, so its order holds within a type only: products still
/// go before movements, and a sale still reverts a price (none of the fixes is meant to mend that).
pub const SERI_RECOMMENDED: Policy = Policy {
    idempotency: Idempotency::CheckThenStore,
    key_covers: KeyCovers::Sales,
    after_sale: AfterSale::Push,
    after_edit: AfterEdit::Debounced,
    order: OutboxOrder::CreatesFirstInType,
    ..SERI_WEEK_1
};

/// The same app, sound: one transaction per op on both sides, the op's id as its key for ever, stock derived from the
/// server's value and what is pending, edits decided by field with a durable record, unlimited retries.
pub const SERI_SOUND: Policy = Policy {
    local_write: LocalWrite::Atomic,
    receipt: Receipt::AtOnce,
    till_check: TillCheck::Refuses,
    order: OutboxOrder::Fifo,
    batch: 10,
    restart: Restart::Requeue,
    marking: Marking::ByVerdict,
    error_answer: ErrorAnswer::Fails,
    drains: Drains::Single,
    retries: 0,
    counts_as_failure: CountsAs::Refusals,
    time_out: 30_000,
    after_sale: AfterSale::Push,
    after_edit: AfterEdit::Push,
    pull_after_push: true,
    sync_on_start: true,
    identity: Identity::Device,
    idempotency: Idempotency::SameTransaction,
    key_covers: KeyCovers::Everything,
    key_life: 0,
    validation: Validation::Conditional,
    validates: Validates::All,
    atomicity: Atomicity::Op,
    isolation: Isolation::Transactions,
    references: References::Checked,
    product_row: ProductRow::NotSent,
    edits: EditRule::ByField,
    server_created: ServerStamp::Device,
    batches: BatchPush::Ops,
    allocation: Allocation::FirstExpired,
    rollback_on: RollbackOn::OwnVerdict,
    rollback_stock: RollbackStock::Derived,
    rollback_scope: RollbackScope::WholeOp,
    pull: Pull::SinceCommit,
    page: 20,
    merge: Merge::Rebase,
    created: Created::Kept,
    initial_lines: InitialLines::ByIdentity,
    clock: Clock::Estimate,
    integrity: Integrity::Checksum,
    lamp: LampCounts::Unsynced,
    deletion: Deletion::Tombstone,
    audit: AuditTrail::Complete,
    permissions: Permissions::AtPush,
    after_restore: AfterRestore::SendsAgain,
    ..SERI_2026_01_16
};

/// PayTrack as written. Readings: online first is a push at once after every op, with the queue as fallback; a retry of a
/// create meets its own row and conflicts with it, since nothing but the row's identity and version is compared; the
/// version that an edit names is the server's last; the five listed delays are a cap, three retries the budget; the
/// optional timer runs every five minutes; `2 ^ n` is taken as the power that the example shows. No life of a token is
/// given: a quarter of an hour, and nothing tells the queue a 401 from another failure; a new token comes with the next
/// login. Delta sync is listed as present and as future: it is taken as present.
pub const PAYTRACK: Policy = Policy {
    cascade: Cascade::SendsAnyway,
    till_check: TillCheck::None,
    batch: 100,
    restart: Restart::Leave,
    retries: 3,
    exhausted: Exhausted::Final,
    retry_cap: 16_000,
    counts_as_failure: CountsAs::AnyFailure,
    time_out: 30_000,
    push_every: 300_000,
    pull_every: 300_000,
    idempotency: Idempotency::None,
    same_row: SameRow::Conflicts,
    atomicity: Atomicity::Batch,
    detection: Detection::RowVersion,
    resolution: Resolution::ServerWins,
    edit_base: EditBase::LastAcked,
    merge: Merge::Overwrite,
    page: 100,
    clock: Clock::Wall,
    clear_queue: ClearQueue::Silent,
    after_restore: AfterRestore::TrustsItsMarks,
    token_life: 900_000,
    unauthorised: Unauthorised::CountsAsFailure,
    connect_time_out: 10_000,
    read_time_out: 30_000,
    payload: Payload::ChangedFields,
    stale_deletion: StaleDeletion::Conflicts,
    ..SERI_SOUND
};

/// SmartDMV as written. Readings: operations travel in arrays of fifty, each with a result of its own; a conflict is seen
/// by time alone; the strategy is manual, and what is of low severity is decided without asking; a validation error is
/// skipped with a log line; an error answer is critical and stops the sync; the device replaces temporary identities;
/// there are no idempotency keys; a sync runs on reconnect, after an op and every half minute, and only when something is
/// pending; what is pulled counts as synced;
/// a request is given up after ten seconds, before the next timer; the timestamp of an answer is the server's now, so the
/// cursor moves to the end with the first page; permissions are queued but not sent, so only the device looks at them.
pub const SMARTDMV: Policy = Policy {
    cascade: Cascade::SendsAnyway,
    till_check: TillCheck::None,
    order: OutboxOrder::ByType,
    types: TypeTable::Dependencies,
    batch: 50,
    restart: Restart::Leave,
    retries: 3,
    exhausted: Exhausted::Final,
    counts_as_failure: CountsAs::AnyFailure,
    error_answer: ErrorAnswer::Stops,
    on_rejection: OnRejection::SkipsWithLog,
    push_every: 30_000,
    pull_every: 30_000,
    pull_when: PullWhen::WithPending,
    identity: Identity::Server,
    mapped_by: Mapped::Device,
    idempotency: Idempotency::None,
    detection: Detection::EditTime,
    resolution: Resolution::Manual,
    cursor: Cursor::AtStart,
    cursor_moves: CursorMoves::ToTheEndAtOnce,
    time_out: 10_000,
    merge: Merge::OverwriteAndMark,
    page: 50,
    deletion: Deletion::Removed,
    clock: Clock::Wall,
    permissions: Permissions::OnDevice,
    after_restore: AfterRestore::TrustsItsMarks,
    ..SERI_SOUND
};

/// PayTrack made sound: its batches of a hundred, its time-out of 30 s and its triggers, on the sound mechanisms. In a
/// conflict the server wins, as it says; the edit that lost is recorded and told.
pub const PAYTRACK_SOUND: Policy = Policy {
    batch: 100,
    page: 50,
    pull_every: 60_000,
    resolution: Resolution::ServerWins,
    token_life: 900_000,
    connect_time_out: 10_000,
    read_time_out: 30_000,
    payload: Payload::ChangedFields,
    stale_deletion: StaleDeletion::Conflicts,
    ..SERI_SOUND
};

/// SmartDMV made sound: batches and pages of fifty, temporary identities that the server maps, on the sound mechanisms.
/// Disjoint edits are merged against what their authors saw, and a field that two have set goes to a human.
pub const SMARTDMV_SOUND: Policy = Policy {
    batch: 50,
    page: 50,
    identity: Identity::Server,
    push_every: 30_000,
    resolution: Resolution::ThreeWayMerge,
    stale_deletion: StaleDeletion::Conflicts,
    ..SERI_SOUND
};

/// Seri made sound, with every quantity shared out: a device sells offline from its own share alone, so no sale is ever
/// rejected for want of stock after its receipt. What it costs is refusals at the till.
pub const ESCROW: Policy = Policy { escrow: Escrow::Shares, pull_every: 30_000, ..SERI_SOUND };

/// Seri made sound, with reservation on the server: a sale first has what it needs held for it, and confirms the hold when
/// it is pushed; a hold that nobody confirms ends after a minute. Without a network it refuses.
pub const RESERVATION: Policy = Policy { escrow: Escrow::Holds, ..SERI_SOUND };

/// Every preset with its name and where it comes from.
pub const PRESETS: [(&str, &str, Policy); 12] = [
    ("seri-2026-01-16", "Seri as found (seri-1, sections 1 to 3)", SERI_2026_01_16),
    ("seri-2026-01-17", "Seri with batches pushed (seri-2), none of the five fixes", SERI_2026_01_17),
    ("seri-mvp", "Seri as its data flow describes it (seri-3): push only", SERI_MVP),
    ("seri-week-1", "Seri with its two critical fixes only", SERI_WEEK_1),
    ("seri-recommended", "Seri with all five fixes as written", SERI_RECOMMENDED),
    ("seri-sound", "Seri made sound: no invariant can be broken", SERI_SOUND),
    ("paytrack", "PayTrack as written: versions, server wins, atomic batches of a hundred", PAYTRACK),
    ("smartdmv", "SmartDMV as written: temporary identities, a conflict store, batches of fifty", SMARTDMV),
    ("paytrack-sound", "PayTrack made sound: no invariant can be broken", PAYTRACK_SOUND),
    ("smartdmv-sound", "SmartDMV made sound: no invariant can be broken", SMARTDMV_SOUND),
    ("escrow", "Seri made sound, with stock shared out so that offline sales never oversell", ESCROW),
    ("reservation", "Seri made sound, with stock held by the server for each sale", RESERVATION),
];
