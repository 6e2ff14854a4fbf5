//! What the server does with a push: recognise, validate, apply, remember, keep apart.
//!
//! Each variant says what it does; what goes wrong with it is for the invariants to find.

use serde::{Deserialize, Serialize};

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
        /// Check and create in one transaction; the key is stored in the next, and copies wait for it.
        KeyAfter,
        /// By the number of the request in which the op was first sent, which a retry repeats.
        ByRequest,
    }
}
knob! {
    /// What the idempotency key covers.
    KeyCovers {
        /// Sales only.
        Sales,
        /// Every item that creates something.
        Everything,
        /// Whole ops that sell something; no others.
        SaleOps,
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
        /// Refuses everything that takes something away.
        RefusesAll,
    }
}
knob! {
    /// Which entries are validated.
    Validates {
        /// Those of kind SALE.
        Sales,
        /// All that take something away.
        All,
        /// All that take stock away; balances are not looked at.
        Stock,
    }
}
knob! {
    /// What takes effect together.
    Atomicity {
        /// Each item by itself.
        Item,
        /// All items of an op.
        Op,
        /// The sale with its lines; then its movements together.
        SaleThenMoves,
        /// Each line of a sale with its movement.
        Line,
        /// All ops of a push: one that is refused rolls all of them back.
        Batch,
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
    /// Whether references are checked by the server's schema.
    References {
        /// No.
        Unchecked,
        /// A row whose parent is not there is refused.
        Checked,
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
    /// Which clock stamps `updatedAt` or `createdAt` on the server.
    ServerStamp {
        /// The server's own, at commit.
        Server,
        /// The device's, as sent.
        Device,
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
    /// Whether the server keeps an audit trail.
    AuditTrail {
        /// No: a console log at most.
        None,
        /// An entry for each change, rejection and conflict, in the same transaction.
        Complete,
        /// An entry for each change and rejection; none for conflicts.
        WithoutConflicts,
    }
}
knob! {
    /// What the server looks at first.
    Checks {
        /// Whether it has done the op already.
        KeyFirst,
        /// Whether there is enough.
        ValidationFirst,
        /// Whether the edit saw the present value.
        VersionFirst,
    }
}
knob! {
    /// When an edit is held against the present value.
    VersionCheck {
        /// In the transaction that writes.
        InTransaction,
        /// In a statement before it.
        Before,
        /// After it was written.
        After,
    }
}
knob! {
    /// How a row that is known by its content is found again.
    NaturalKey {
        /// By a unique key.
        Unique,
        /// By a lookup before the insert.
        LookupFirst,
    }
}
knob! {
    /// What the server does with a row whose identity it has already.
    SameRow {
        /// It makes another row, under an identity of its own.
        MakesAnother,
        /// It is a conflict with the row that is there.
        Conflicts,
    }
}
knob! {
    /// What is set aside before it is sold.
    Escrow {
        /// Nothing.
        Nothing,
        /// A share of every quantity for each device, rebalanced when one runs short.
        Shares,
        /// What a sale asks the server to hold for it, for a while.
        Holds,
    }
}
knob! {
    /// How tenants, practices and users are kept apart.
    Scope {
        /// By the session that the server knows.
        Kept,
        /// Pushes are checked, pulls are not filtered.
        PullsEverything,
        /// The tenant in the payload is believed.
        ClientWord,
        /// A connection is kept open for the next request, whoever asks.
        CachedConnection,
    }
}
knob! {
    /// Who replaces temporary identities in what refers to them.
    Mapped {
        /// The server, which keeps them.
        Server,
        /// The device, in what is not in flight yet.
        Device,
    }
}
knob! {
    /// Where it is looked at whether the user may.
    Permissions {
        /// Nowhere.
        Unchecked,
        /// On the device, when the user acts.
        OnDevice,
        /// There, and on the server in the transaction that takes effect.
        AtPush,
    }
}
knob! {
    /// What a device does once the server has been restored from a backup.
    AfterRestore {
        /// It sends again what it was told was accepted, downloads everything, and applies what is pending on that.
        SendsAgain,
        /// It believes that everything which it marked as uploaded is there, and goes on from its cursor.
        TrustsItsMarks,
        /// It sends everything again as new, as one imports a file.
        Reimports,
    }
}
