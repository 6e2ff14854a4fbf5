//! What a device does: how it writes, queues, sends, retries and takes back.
//!
//! Each variant says what it does; what goes wrong with it is for the invariants to find.

use serde::{Deserialize, Serialize};

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
        /// After a sync attempt that is raced against [`crate::sync::Policy::race`]; on time-out the sale counts as done.
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
        /// Parents before children, as the business lists them.
        Dependencies,
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
        /// Stops all syncing and shows the user, until the user syncs by hand or the app starts again.
        Stops,
    }
}
knob! {
    /// How many drains may run at once.
    Drains {
        /// One.
        Single,
        /// Every trigger starts one.
        Several,
        /// Every trigger starts one, and each takes what is being sent as well.
        Overlapping,
        /// One, which reads the queue twice: what was queued between the reads is sent but not marked.
        TwoReads,
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
        /// Nothing, and pushes that stopped with the link stay stopped until the app starts again.
        StaysPaused,
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
        /// A push once no edit has come for [`crate::sync::Policy::debounce`].
        Debounced,
        /// A push at once.
        Push,
        /// The same, and every edit puts the push timer off as well.
        DebouncedOnly,
    }
}
knob! {
    /// Which clock stamps ops on the device.
    Clock {
        /// The wall clock.
        Wall,
        /// An estimate of server time that no user can set.
        Estimate,
        /// The wall clock; the server keeps the furthest stamp that it ever saw and refuses what lies more than a week behind it.
        Shared,
    }
}
knob! {
    /// What the sync lamp counts.
    LampCounts {
        /// Items waiting to be sent, and nothing else.
        Waiting,
        /// Everything that the server does not have.
        Unsynced,
        /// Everything unsynced, until a restart: from then on the outbox is not found, and the lamp and every push take it
        /// for empty.
        MissingStore,
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
    /// Whether the lines of a sale all move stock.
    LinesMove {
        /// All.
        All,
        /// The first only: stock and movement stand outside the loop.
        First,
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
    /// Where receipt numbers come from.
    Numbers {
        /// A block that no other till uses.
        OwnBlock,
        /// A sequence on the device, from 1.
        LocalSequence,
    }
}
knob! {
    /// What an item that failed but will be tried again is called.
    FailedState {
        /// Waiting, like any other.
        Waiting,
        /// Given up, like one that will not be tried again.
        GivenUp,
    }
}
knob! {
    /// What a rejection does on the device.
    OnRejection {
        /// The op is taken back and the user is told.
        Tells,
        /// The item is skipped, with a line in a log that no user reads.
        SkipsWithLog,
        /// The op stays as it is, and nothing is sent again.
        Ignores,
    }
}
knob! {
    /// When an item leaves the outbox.
    Dequeue {
        /// When its verdict has come.
        OnAck,
        /// Before it is sent; it is put back if the send fails.
        BeforeSend,
    }
}
knob! {
    /// When an op's idempotency key is made.
    KeyMade {
        /// When the user acts.
        Once,
        /// Anew when the op falls back into the queue.
        EachAttempt,
    }
}
knob! {
    /// What makes a device try again after a failure.
    Liveness {
        /// Its timers.
        Timers,
        /// The event that the link is back, or a restart, and nothing else.
        OnlineEvent,
    }
}
knob! {
    /// As whom an op is sent.
    Owner {
        /// As the user who made it.
        InOp,
        /// As the user who is logged in.
        Session,
    }
}
knob! {
    /// What an upgrade of the app does with what was queued before.
    Schema {
        /// It is brought forward.
        Migrates,
        /// It is dropped.
        DropsQueue,
    }
}
knob! {
    /// Whether queued changes of one row are joined.
    Coalesce {
        /// They are not.
        Nothing,
        /// The later one replaces the earlier one, a deletion too.
        LastWins,
    }
}
knob! {
    /// What an edit names as the state that its author saw.
    EditBase {
        /// What the device shows, its own pending edits included.
        Chained,
        /// What the server last confirmed.
        LastAcked,
    }
}
knob! {
    /// What happens to ops that build on one that was rejected.
    Cascade {
        /// They are cancelled and told.
        Cancels,
        /// They are sent.
        SendsAnyway,
    }
}
knob! {
    /// How the delay before a retry grows.
    BackOff {
        /// By the factor, to the cap.
        Exponential,
        /// By `2 ^ n` as TypeScript reads it: exclusive or.
        Xor,
    }
}
knob! {
    /// Where a device keeps the server's identity of a row that it made.
    Mapping {
        /// In the transaction that rewrites its rows.
        Persisted,
        /// In memory, until the next restart.
        InMemory,
    }
}
knob! {
    /// What a temporary identity is made of.
    TempIds {
        /// The op and the part.
        Unique,
        /// The time in milliseconds.
        Milliseconds,
        /// A local counter from 1, which looks like an identity of the server's.
        LocalCounter,
    }
}
knob! {
    /// What an op's identity is made of.
    OpIds {
        /// The device and its counter.
        DeviceAndCounter,
        /// The counter alone.
        Counter,
    }
}
knob! {
    /// Where an op that lost a conflict and is sent again goes.
    Requeue {
        /// Behind what it depends on.
        InOrder,
        /// To the front, at high priority.
        Jumps,
    }
}
knob! {
    /// How an answer tells that some ops of a push failed.
    PartialFailure {
        /// Each op has its verdict.
        PerOp,
        /// The whole push has failed: the device queues all of it as new ops.
        TopLevel,
    }
}
knob! {
    /// What "clear the sync queue" does.
    ClearQueue {
        /// The ops are taken back, and the user is told of each.
        Reports,
        /// The queue is emptied.
        Silent,
    }
}
knob! {
    /// When the user is told that the device is up to date.
    UpToDate {
        /// After the last page of a download.
        WhenComplete,
        /// After any page.
        AfterAnyPage,
    }
}
knob! {
    /// What an answer of 401 does: the token has expired.
    Unauthorised {
        /// Nothing is sent until a new token has come; then everything goes on.
        Pauses,
        /// It counts as a failure like any other; a new token comes when the app starts or returns to the foreground.
        CountsAsFailure,
    }
}
knob! {
    /// What an edit sends of its row.
    Payload {
        /// All of it.
        Rows,
        /// The fields that it sets; the server keeps what is left out.
        ChangedFields,
        /// The fields that it sets; the server empties what is left out.
        ChangedFieldsAlone,
    }
}
