//! When two edits are a conflict, and how it is decided.
//!
//! Each variant says what it does; what goes wrong with it is for the invariants to find.

use serde::{Deserialize, Serialize};

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
    /// How a deletion is kept on the server.
    Deletion {
        /// The row is removed.
        Removed,
        /// A tombstone stays.
        Tombstone,
        /// A tombstone stays for a day; an edit of a row that the server does not know makes it.
        Purged,
    }
}
knob! {
    /// What makes an edit a conflict.
    Detection {
        /// A field that it sets was changed since its author saw it.
        BaseVersion,
        /// The present value was stored after the edit was made.
        EditTime,
        /// Any field of the row was changed since its author saw it.
        RowVersion,
        /// The hash of a field that it sets is another than that of what its author saw.
        Hash,
    }
}
knob! {
    /// How a conflict is decided.
    Resolution {
        /// The later edit of the field is taken, the other is recorded and told.
        LaterEdit,
        /// What is on the server stays; the edit is superseded.
        ServerWins,
        /// The edit is taken, the other is recorded and told.
        ClientWins,
        /// The device sends the edit again at once, with the base that it had.
        ClientWinsOldBase,
        /// Field by field without a base: a field that differs goes to a human.
        TwoWayMerge,
        /// Field by field against the base: only a field that both changed goes to a human.
        ThreeWayMerge,
        /// Every conflict goes to a human.
        Manual,
    }
}
knob! {
    /// What the author of the edit that lost is told.
    Loser {
        /// That it was superseded.
        Told,
        /// That it is synced.
        SaysOk,
    }
}
knob! {
    /// What a merge takes a field for that one side does not have.
    MissingField {
        /// A deletion.
        Deletion,
        /// An addition by the other side.
        Addition,
    }
}
knob! {
    /// Where a conflict is decided.
    Strategy {
        /// On the server, once.
        OnServer,
        /// On each device, by its own setting.
        PerDevice,
    }
}
knob! {
    /// What an edit of a deleted row does.
    OnDeleted {
        /// It is refused.
        Refused,
        /// It makes the row again.
        Recreates,
    }
}
knob! {
    /// What decides between two edits with equal stamps.
    Tie {
        /// The device's number; no two stamps are equal.
        ByDevice,
        /// Stamps are whole seconds; each side keeps what it has.
        EachKeepsOwn,
    }
}
knob! {
    /// What is decided without a human under the strategies that ask one.
    Decider {
        /// Conflicts of low severity, by the later edit.
        Severity,
        /// Conflicts of low and medium severity, by the later edit.
        UpToMedium,
        /// Every conflict that is not critical, by the later edit.
        UpToHigh,
        /// Nothing.
        Nothing,
    }
}
knob! {
    /// What a deletion does whose author had not seen the latest edit of the row.
    StaleDeletion {
        /// It is taken like any other.
        Taken,
        /// It is a conflict: where the server wins the row stays and the author is told; under any other strategy the row
        /// goes, and the edit is recorded as the loser.
        Conflicts,
    }
}
