//! What may stand in a scenario file: its keys, its fates and its limits, as tables.
//!
//! Why one place: the reader refuses what is not listed here, and the schema is made from the same lists, so the two
//! cannot drift apart. How the values are read is not said here.

use crate::model::Step;
use crate::sim::{Deviation, Point, Span, Time};

/// The version of the format that is read and written.
pub const VERSION: i64 = 1;
/// The largest file, in bytes.
pub const LARGEST_FILE: usize = 8 << 20;
/// How deep lists and objects may be nested.
pub const MOST_DEPTH: usize = 64;
/// Most devices of a story.
pub const MOST_DEVICES: usize = 64;
/// Most steps of a story.
pub const MOST_STEPS: usize = 2_000;
/// Most deviations of a story.
pub const MOST_DEVIATIONS: usize = 5_000;
/// Most opening rows of a story.
pub const MOST_ROWS: usize = 10_000;
/// Highest number of an op.
pub const HIGHEST_OP: u32 = (1 << 17) - 1;
/// Highest key of an opening row.
pub const HIGHEST_KEY: u64 = (1 << 60) - 1;
/// The largest amount, to both sides of zero.
pub const LARGEST_AMOUNT: i64 = 1_000_000_000_000;
/// The longest name, in characters.
pub const LONGEST_NAME: usize = 40;
/// The longest title, note and explanation, in characters.
pub const LONGEST_TEXT: usize = 10_000;

/// Keys of the file, with what they mean.
pub const STORY: [(&str, &str); 14] = [
    ("$schema", "Where the schema lies, for editors; not read."),
    ("squall", "The version of the format."),
    ("title", "One line that says what happens."),
    ("about", "More, for whoever wonders why the story is kept."),
    ("domain", "The business."),
    ("devices", "The names of the devices."),
    ("devices-start-empty", "Devices start with nothing and download everything first."),
    ("rows", "What everybody holds at the start: entity, then row name, then fields."),
    ("network", "What every link does when nobody interferes."),
    ("steps", "What users do."),
    ("schedule", "What differs from the polite schedule: a label and its fate, or a list of fates."),
    ("heal", "When faults end, or `never`. By default one second after the last step, interference and longest delay."),
    ("expect", "How the story ends on each system."),
    ("found", "Where the story comes from, if a campaign found it."),
];

/// Keys of a step besides its verb.
pub const STEP: [(&str, &str); 5] = [
    ("at", "When, since the start of the run."),
    ("device", "On which device."),
    ("id", "What the op is called; by default the verb's stem and a count, such as `sale-1`."),
    ("user", "The user's number; by default the device's."),
    ("number", "The op's number; by default the step's place in the file. Written for stories that were shrunk."),
];

/// The key of an opening row besides its fields.
pub const ROW_KEY: (&str, &str) =
    ("key", "The row's key; by default its place among the rows of its entity. Written for stories that were shrunk.");

/// Keys of the network.
pub const NETWORK: [(&str, &str); 2] =
    [("latency", "One-way latency of a message."), ("bandwidth", "Bytes a second; 0 for no limit.")];

/// Keys of the provenance.
pub const FOUND: [(&str, &str); 3] =
    [("system", "On which system."), ("seed", "In the run with which seed."), ("profile", "Under which profile.")];

/// Keys of an expectation.
pub const EXPECTATION: [(&str, &str); 11] = [
    ("holds", "Every invariant holds."),
    ("violates", "Invariants that break, each of them."),
    ("only", "No other invariant breaks."),
    ("told", "The last word told about an op."),
    ("decided", "The server's last verdict on an op."),
    ("on-server", "How long after its user did it an op first writes something on the server."),
    ("server", "What the server holds at the end: entity, then row, then fields; or `count` rows."),
    ("devices", "What a device holds at the end."),
    ("pending", "How many ops a device still wants to send, dead letters not counted."),
    ("note", "Why, in words."),
    (
        "vacuous",
        "The result shows nothing, and that is known: no deviation comes up on this system, or no flaw would change it.",
    ),
];

/// Keys of a delay, counted from the user's act.
pub const DELAY: [(&str, &str); 2] =
    [("after", "It takes at least this long; by default no time at all."), ("by", "It takes at most this long.")];

/// Keys of the long form of an op that continues an earlier one.
pub const CONTINUATION: [(&str, &str); 2] = [
    ("of", "The op that it continues."),
    ("lines", "Its own lines, where they differ from those of the op that it continues."),
];

/// Keys of a decision.
pub const DECISION: [(&str, &str); 2] =
    [("of", "The op that was left in a conflict."), ("take", "Whose edit is taken: its own, or the other.")];

/// Keys of an interference.
pub const INTERFERENCE: [(&str, &str); 3] = [
    ("at", "When it begins."),
    ("for", "How long it lasts."),
    (
        "by",
        "How strong it is: a signed span for clock-offset and clock-jump, ppm for clock-drift, bytes a second for limited.",
    ),
];

/// Fates that are a word.
pub const PLAIN_FATES: [(&str, &str); 2] =
    [("drop", "The message never arrives."), ("truncate", "The message arrives cut short and cannot be parsed.")];

/// Fates with a span.
pub const SPAN_FATES: [(&str, &str); 6] = [
    ("delay", "The message arrives this much later."),
    ("duplicate", "The message arrives twice, the second copy this much later."),
    ("late", "The timer fires this much later."),
    ("pause", "Between two atomic steps others may run for this long."),
    ("kill-before", "The node dies before what the step sends goes out, and boots again after this."),
    ("kill-after", "The node dies after what the step sends went out, and boots again after this."),
];

/// Fates with a number.
pub const NUMBER_FATES: [(&str, &str); 2] =
    [("corrupt", "The message arrives damaged; the number chooses the damage."), ("value", "What the system draws.")];

/// The fates that fit a point, by name; `at` stands for an interference.
pub fn fates_of(point: Point) -> &'static [&'static str] {
    match point {
        Point::Send | Point::Reply => &["drop", "delay", "duplicate", "corrupt", "truncate"],
        Point::Timer => &["late"],
        Point::Step => &["pause", "kill-before", "kill-after"],
        Point::Draw => &["value"],
        Point::Op | Point::Boot | Point::Refusal => &[],
        _ => &["at"],
    }
}

/// What the strength of an interference is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strength {
    /// It has none.
    None,
    /// A signed span, in microseconds.
    Shift,
    /// Microseconds gained a second.
    Drift,
    /// Bytes a second.
    Bandwidth,
}

/// The strength that an interference of this kind has.
pub fn strength_of(point: Point) -> Strength {
    match point {
        Point::ClockOffset | Point::ClockJump => Strength::Shift,
        Point::ClockDrift => Strength::Drift,
        Point::Limited => Strength::Bandwidth,
        _ => Strength::None,
    }
}

/// Whether an interference of this kind lasts a while.
pub fn lasts(point: Point) -> bool {
    !matches!(point, Point::ClockOffset | Point::ClockJump | Point::Wipe)
}

/// Whether the server can suffer this interference.
pub fn hits_server(point: Point) -> bool {
    use Point::{ClockDrift, ClockJump, ClockOffset, Kill, Overload, Restore};
    matches!(point, Kill | Overload | Restore | ClockOffset | ClockDrift | ClockJump)
}

/// The prefix of the name of a row whose op is not in the story any more: `removed-op-7.0`.
pub const REMOVED_OP: &str = "removed-op-";
/// The prefix of the name of an opening row that is not in the story any more: `removed-row-3`.
pub const REMOVED_ROW: &str = "removed-row-";

/// Reads `removed-op-7.0`: the number of the op and the part.
pub fn removed_op(name: &str) -> Option<(u32, u8)> {
    let (op, part) = name.strip_prefix(REMOVED_OP)?.split_once('.')?;
    Some((op.parse().ok().filter(|n| (1..=HIGHEST_OP).contains(n))?, part.parse().ok()?))
}

/// Reads `removed-row-3`: the row's key.
pub fn removed_row(name: &str) -> Option<u64> {
    name.strip_prefix(REMOVED_ROW)?.parse().ok().filter(|n| *n <= HIGHEST_KEY)
}

/// Names of a table's keys.
pub fn keys<const N: usize>(table: &[(&'static str, &str); N]) -> [&'static str; N] {
    table.map(|(name, _)| name)
}

/// When faults end where the file does not say: one second after the last step and interference, and after the longest
/// delay on top of that.
pub fn default_heal(steps: &[Step], schedule: &[Deviation]) -> Time {
    use crate::sim::Fate::{Delay, Duplicate, During, KillAfter, KillBefore, Late, Pause};
    let mut last = steps.iter().map(|step| step.at).max().unwrap_or(Time::ZERO);
    let mut longest = Span::ZERO;
    for deviation in schedule {
        match deviation.fate {
            During(at, lasts, _) => last = last.max(at + lasts),
            Delay(span) | Duplicate(span) | Late(span) | Pause(span) | KillBefore(span) | KillAfter(span) => {
                longest = longest.max(span);
            }
            _ => {}
        }
    }
    last + longest + Span::secs(1)
}
