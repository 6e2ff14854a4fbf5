//! Interferences from bytes: links, clocks, apps and the server, each near something that a user does.
//!
//! Each has a number of its own among those of its kind on its node, as in a file written by hand.

use super::bytes::{Record, shifted, span};
use crate::explore::conditions::ON_DEVICES;
use crate::model::Scenario;
use crate::sim::{Deviation, Fate, Label, NodeId, Point, Span, Time};
use std::collections::BTreeMap;

/// Most interferences of a day.
const MOST: usize = 12;
/// What can strike the server: its clock as well, which random search leaves alone.
const ON_SERVER: [Point; 6] =
    [Point::Kill, Point::Overload, Point::Restore, Point::ClockOffset, Point::ClockDrift, Point::ClockJump];

/// The interferences of these records with a day.
pub fn interferences(day: &Scenario, records: &[Record]) -> Vec<Deviation> {
    let mut numbers: BTreeMap<(NodeId, Point), u32> = BTreeMap::new();
    let one = |record: &Record| {
        let [_, what, whom, beside, shift, strength] = *record;
        let on_server = what >= 192;
        let (node, point) = if on_server {
            (NodeId::SERVER, ON_SERVER[usize::from(what) % ON_SERVER.len()])
        } else {
            let device = usize::from(whom) % day.devices.len();
            (NodeId(device as u16 + 1), ON_DEVICES[usize::from(what) % ON_DEVICES.len()])
        };
        let number = numbers.entry((node, point)).or_insert(0);
        *number += 1;
        let near = match day.steps.len() {
            0 => Time::ZERO,
            count => day.steps[usize::from(beside) % count].at,
        };
        let at = shifted(near, shift, Span::mins(2));
        let label = Label::interference(node, point, *number);
        Deviation { label, fate: fate(point, at, strength) }
    };
    let mut all: Vec<Deviation> = records.iter().take(MOST).map(one).collect();
    all.sort_unstable();
    all
}

/// When it begins, how long it lasts and how strong it is; one byte says both.
fn fate(point: Point, at: Time, byte: u8) -> Fate {
    let lasts = span(byte, Span::mins(10));
    let side = if byte & 1 == 0 { 1 } else { -1 };
    let shift = span(byte, Span::hours(1)).0 as i64 * [1, 1, 30, 700][usize::from(byte >> 1 & 3)] * side;
    match point {
        Point::ClockOffset => Fate::During(Time::ZERO, Span::ZERO, shift),
        Point::ClockJump => Fate::During(at, Span::ZERO, shift),
        Point::ClockDrift => {
            Fate::During(at, lasts, [200, 10_000, 300_000, 900_000][usize::from(byte >> 1 & 3)] * side)
        }
        Point::Limited => Fate::During(at, lasts, [60, 300, 2_000, 20_000][usize::from(byte & 3)]),
        Point::Wipe => Fate::During(at, Span::ZERO, 0),
        Point::Kill | Point::Upgrade => Fate::During(at, lasts.min(Span::secs(90)), 0),
        _ => Fate::During(at, lasts, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DOMAINS;
    use std::collections::BTreeSet;

    #[test]
    fn everything_that_a_file_may_do_to_a_device_or_the_server_comes_up_under_a_label_of_its_own() {
        let mut day = Scenario::new(DOMAINS[0]);
        day.devices = vec!["till-1".into(), "till-2".into()];
        let records: Vec<Record> = (0..=255).map(|what| [192, what, 1, 0, 160, 160]).collect();
        let all: Vec<Deviation> = records.chunks(MOST).flat_map(|some| interferences(&day, some)).collect();
        let kinds: BTreeSet<(NodeId, Point)> =
            all.iter().map(|one| (one.label.node(), one.label.get_point())).collect();
        assert_eq!(kinds.len(), ON_DEVICES.len() + ON_SERVER.len());
        let twice = interferences(&day, &[records[0], records[0]]);
        assert_eq!(twice.iter().map(|one| one.label.get_number()).collect::<Vec<_>>(), [1, 2]);
    }
}
