//! What a download brings and how it meets what is on the device.
//!
//! Each variant says what it does; what goes wrong with it is for the invariants to find.

use serde::{Deserialize, Serialize};

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
        /// The server's row replaces the local one, and pending edits of it count as synced.
        OverwriteAndMark,
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
        /// It is overwritten: by a download with the server's, op by op with the time of the update.
        Overwritten,
        /// It stays as it was set.
        Kept,
    }
}
knob! {
    /// What a download does with the lines of sales.
    InitialLines {
        /// Drops them ("mapping TBD"); lines made on this device stay.
        Dropped,
        /// A full download adds them without looking whether they are there.
        Added,
        /// Adds or replaces them by identity.
        ByIdentity,
    }
}
knob! {
    /// When a change gets its place in the order that cursors follow.
    Cursor {
        /// When it commits.
        AtCommit,
        /// When its transaction begins.
        AtStart,
    }
}
knob! {
    /// What the next page begins after.
    PageEdge {
        /// Whole commits: a page never ends inside one.
        WholeCommits,
        /// The last commit on the page, of which the rest is skipped.
        Skips,
        /// The last commit on the page, from its start again.
        Repeats,
    }
}
knob! {
    /// When a device's cursor moves.
    CursorMoves {
        /// After each page that was applied, to its end.
        AfterEachPage,
        /// With the first page, to the end of the last.
        ToTheEndAtOnce,
    }
}
knob! {
    /// What the pull after a push brings.
    FilteredPull {
        /// Everything since the cursor.
        Everything,
        /// Rows of the types just pushed; the cursor does not move.
        OwnCursor,
        /// Rows of the types just pushed; the cursor moves.
        SharedCursor,
    }
}
knob! {
    /// When a trigger pulls.
    PullWhen {
        /// Always.
        Always,
        /// When the device has something to send.
        WithPending,
    }
}
knob! {
    /// Which entities a pull brings.
    Tables {
        /// All.
        All,
        /// All but the last of the business, which nobody thought of.
        AllButTheLast,
    }
}
knob! {
    /// Whether the server tells devices of changes as they happen.
    Live {
        /// It does not.
        Nothing,
        /// It tells every other device that it has heard of that there is something to pull, and they pull.
        Notifies,
    }
}
