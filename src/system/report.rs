//! What a system says about itself: writes, words told to users, verdicts, what is still pending, and its bounds.
//!
//! Why: invariants are decided from these reports plus the harness's own bookkeeping. A report changes nothing in the
//! run; what a system does not report is "not checked", never "held".

use crate::model::{Key, Row};
use crate::sim::{Channel, OpId, Span};

/// What a user saw about an op.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Word {
    /// It is on this device and will be sent.
    Saved,
    /// The server has it.
    Synced,
    /// The server refused it; nothing of it remains.
    Rejected,
    /// Somebody else's edit was taken instead.
    Superseded,
    /// A human has to decide.
    Conflict,
    /// Nobody knows yet; a later word must follow.
    Unknown,
    /// It was given up and is kept where the user can see it.
    DeadLetter,
    /// The device has everything that the server has.
    UpToDate,
    /// The app did not take it (not enough stock on the shelf, nothing in the cart).
    Refused,
}

impl Word {
    /// The word in stories and files.
    pub fn name(self) -> &'static str {
        match self {
            Word::Saved => "saved",
            Word::Synced => "synced",
            Word::Rejected => "rejected",
            Word::Superseded => "superseded",
            Word::Conflict => "conflict",
            Word::Unknown => "unknown",
            Word::DeadLetter => "dead letter",
            Word::UpToDate => "up to date",
            Word::Refused => "refused",
        }
    }
    /// All words.
    pub const ALL: [Word; 9] = [
        Word::Saved,
        Word::Synced,
        Word::Rejected,
        Word::Superseded,
        Word::Conflict,
        Word::Unknown,
        Word::DeadLetter,
        Word::UpToDate,
        Word::Refused,
    ];
}

/// The rule that a rejection names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rule {
    /// A quantity would go below zero.
    Quantity,
    /// A row that it refers to is not there.
    Missing,
    /// Somebody changed the same thing meanwhile.
    Conflict,
    /// The row was deleted meanwhile.
    Deleted,
    /// Another row has what only one may have (a practitioner's slot).
    Taken,
    /// The user may not.
    Forbidden,
}

/// What the server decided about an op.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs)] // a variant's comment names its fields
pub enum Verdict {
    /// It took effect.
    Accepted,
    /// It did not, because of a rule; for a quantity, about which row, what there was and what was asked for.
    Rejected {
        /// The rule that failed.
        rule: Rule,
        /// The row that it failed on, or none.
        about: Key,
        /// What there was, for a quantity.
        available: i64,
        /// What was asked for, for a quantity.
        requested: i64,
    },
    /// Another op was taken instead.
    Superseded {
        /// The op that was taken.
        by: OpId,
    },
    /// Left to a human.
    Manual,
}

/// A change of one row in one atomic step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Write {
    /// The row before, if it was there.
    pub before: Option<Row>,
    /// The row after, if it is still there.
    pub after: Option<Row>,
    /// The op that this write carries out, where it carries one out.
    pub op: OpId,
    /// Why it was written.
    pub why: Why,
}

impl Write {
    /// The row after, or else the row before.
    pub fn row(&self) -> Option<&Row> {
        self.after.as_ref().or(self.before.as_ref())
    }
}

/// Why a row was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// An op takes effect here.
    Effect,
    /// What another node holds was copied here.
    Copied,
    /// An op is taken back.
    RolledBack,
    /// Only the row's identity changed: a temporary id became a real one.
    Renamed,
    /// The node cleans up: nothing that a user could miss.
    Purged,
}

/// What a node still wants to do about an op.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pending {
    /// The op.
    pub op: OpId,
    /// How far it has come.
    pub state: PendingState,
}

/// How far a pending op has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PendingState {
    /// Waiting to be sent.
    Queued,
    /// Marked as being sent.
    InFlight,
    /// Given up because the transport failed too often.
    GivenUp,
    /// Given up because the server refused it; kept where the user can see it.
    DeadLetter,
}

impl PendingState {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            PendingState::Queued => "queued",
            PendingState::InFlight => "marked in flight",
            PendingState::GivenUp => "given up",
            PendingState::DeadLetter => "a dead letter",
        }
    }
}

/// The sync lamp that a device shows: the number of ops pending, and a colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lamp {
    /// "X operations pending".
    pub pending: u32,
    /// The dot.
    pub dot: Dot,
}

/// The colour of a [`Lamp`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dot {
    /// All synced.
    Green,
    /// Something is pending.
    Yellow,
    /// Something failed.
    Red,
}

impl Dot {
    /// The colour's name.
    pub fn name(self) -> &'static str {
        match self {
            Dot::Green => "green",
            Dot::Yellow => "yellow",
            Dot::Red => "red",
        }
    }
}

/// What an entry of the audit trail records (field 1 of an [`crate::model::Entity::AUDIT`] row).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i64)]
#[allow(missing_docs)]
pub enum Audit {
    Change = 1,
    Rejection = 2,
    Conflict = 3,
}

/// Declared bounds on sending the same op again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetryBounds {
    /// At most this many sends of one op; `None` without limit.
    pub attempts: Option<u32>,
    /// At least this long between a failed send and the next one caused by it: the delays of the first retries in
    /// order; the last repeats.
    pub delays: [Span; 5],
    /// At most this many ops in one message.
    pub batch: u32,
}

/// What a system reports; an invariant that needs more says that it was not checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reports {
    /// The server's verdict on each op.
    pub verdicts: bool,
    /// What users are told.
    pub words: bool,
    /// What each node still wants to do.
    pub pending: bool,
    /// Which ops each send carries.
    pub sends: bool,
    /// An audit trail as rows.
    pub audit: bool,
    /// The sync lamp.
    pub lamp: bool,
    /// Which op set each field.
    pub authors: bool,
    /// That devices download what others did.
    pub pulls: bool,
}

impl Reports {
    /// A system that reports its writes only.
    pub const NOTHING: Reports = Reports {
        verdicts: false,
        words: false,
        pending: false,
        sends: false,
        audit: false,
        lamp: false,
        authors: false,
        pulls: false,
    };
}

/// What a system declares about itself, once.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Names of its channels and timers, at most 27, of letters, digits and `-`; [`Channel`] 1 is the first.
    pub channels: &'static [&'static str],
    /// Those of them that are a client's time-outs.
    pub time_outs: &'static [Channel],
    /// Those whose requests fetch what others did.
    pub pulls: &'static [Channel],
    /// The longest period of its timers: it is at rest after two of these without a write.
    pub longest_period: Span,
    /// Its bounds on sending again, where it declares any.
    pub retry: Option<RetryBounds>,
    /// Outcomes do not depend on wall clocks that are off by at most this; `None` if it declares nothing.
    pub clock_bound: Option<Span>,
    /// An op saved on a device that nothing has disturbed is sent within this; `None` if it declares nothing.
    pub sent_within: Option<Span>,
    /// What it reports.
    pub reports: Reports,
    /// Situations that a campaign should reach, by the number given to [`super::Context::reach`]; at most 64.
    pub goals: &'static [&'static str],
    /// One bit for each goal that this system cannot reach, by its very settings.
    pub out_of_reach: u64,
    /// Whether there is a server. Without one the devices talk to each other: see [`super::Nobody`] and
    /// [`super::Context::others`].
    pub server: bool,
}

impl Facts {
    /// A system with these channels and timers that declares and reports nothing else, and whose timers have periods of at
    /// most a minute: `Facts { retry: Some(..), ..Facts::new(&["push"]) }`.
    pub const fn new(channels: &'static [&'static str]) -> Facts {
        Facts {
            channels,
            time_outs: &[],
            pulls: &[],
            longest_period: Span::secs(60),
            retry: None,
            clock_bound: None,
            sent_within: None,
            reports: Reports::NOTHING,
            goals: &[],
            out_of_reach: 0,
            server: true,
        }
    }

    /// What cannot be about this declaration, if anything: a run begins with nothing else.
    pub(crate) fn mistake(&self) -> Option<String> {
        let good = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let known = |channel: &Channel| (1..=self.channels.len()).contains(&usize::from(channel.0));
        if self.channels.len() > MOST_CHANNELS {
            return Some(format!(
                "`Facts::channels` has {} names; there are at most {MOST_CHANNELS}",
                self.channels.len()
            ));
        }
        if let Some(name) = self.channels.iter().find(|name| !good(name)) {
            return Some(format!("`Facts::channels` has the name `{name}`: write letters, digits and `-`"));
        }
        if let Some(n) = (1..self.channels.len()).find(|n| self.channels[..*n].contains(&self.channels[*n])) {
            return Some(format!("`Facts::channels` has the name `{}` twice", self.channels[n]));
        }
        if let Some(channel) = self.time_outs.iter().chain(self.pulls).find(|channel| !known(channel)) {
            return Some(format!("`Facts::time_outs` or `pulls` has Channel({}), which is not declared", channel.0));
        }
        if self.goals.len() > MOST_GOALS {
            return Some(format!("`Facts::goals` has {} goals; there are at most {MOST_GOALS}", self.goals.len()));
        }
        (self.longest_period == Span::ZERO)
            .then(|| "`Facts::longest_period` is zero: a run would be at rest before it begins".to_string())
    }
}

/// Most channels and timers that a label has room for.
const MOST_CHANNELS: usize = 27;
/// Most goals of a system.
const MOST_GOALS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_that_cannot_be_says_what_to_change() {
        let good = Facts::new(&["push", "push-time-out"]);
        assert_eq!(good.mistake(), None);
        let many = &["g"; MOST_GOALS + 1];
        for (wrong, says) in [
            (Facts::new(&["a"; MOST_CHANNELS + 1]), "28 names"),
            (Facts::new(&["push", "pu.sh"]), "`pu.sh`"),
            (Facts::new(&["push", "push"]), "`push` twice"),
            (Facts { time_outs: &[Channel(3)], ..good }, "Channel(3)"),
            (Facts { pulls: &[Channel(0)], ..good }, "Channel(0)"),
            (Facts { goals: many, ..good }, "65 goals"),
            (Facts { longest_period: Span::ZERO, ..good }, "longest_period"),
        ] {
            let mistake = wrong.mistake().expect(says);
            assert!(mistake.contains(says), "{mistake}");
        }
    }
}
