//! The weather of one seed: what a profile's ranges come to when the seed has drawn from them.
//!
//! Why a step of its own: swarm testing works because each run has its own few heavy faults. Every draw is made under its
//! own name, so that another fault or another device changes no other draw (promise P1). It places nothing in time.

use super::profile::Profile;
use crate::model::domain::Dice;
use crate::sim::choice::log_uniform;
use crate::sim::{Draw, Fault, Key, Odds, Point, Span};

/// Salts that keep the generator's draws apart from those made during a run.
pub(super) mod salt {
    pub const CONDITIONS: u64 = 16;
    pub const OPENING: u64 = 17;
    pub const DEVICE: u64 = 18;
    pub const OP: u64 = 19;
    pub const TIME: u64 = 20;
    pub const INTERFERENCE: u64 = 21;
    pub const USER: u64 = 22;
    pub const MEETING: u64 = 23;
}

/// Interferences that strike devices, and those that strike the server.
pub(crate) const ON_DEVICES: [Point; 13] = [
    Point::Offline,
    Point::Limited,
    Point::Flapping,
    Point::Deaf,
    Point::Mute,
    Point::Lying,
    Point::ClockOffset,
    Point::ClockDrift,
    Point::ClockJump,
    Point::Kill,
    Point::Background,
    Point::Wipe,
    Point::Upgrade,
];
pub(super) const ON_SERVER: [Point; 3] = [Point::Kill, Point::Overload, Point::Restore];

/// What one seed draws before anything is invented.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conditions {
    /// Number of devices.
    pub devices: u16,
    /// Ops of each device.
    pub ops: Vec<u32>,
    /// Time within which users act, gap not counted.
    pub window: Span,
    /// How long nothing happens in the middle, if there is such a gap.
    pub gap: Option<Span>,
    /// Whether there is no fault at all.
    pub calm: bool,
    /// Whether many ops fall into the same millisecond.
    pub burst: bool,
    /// Whether a few rows are hot.
    pub hot: bool,
    /// Whether devices start with nothing.
    pub empty: bool,
    /// Fates of messages, steps and timers.
    pub odds: Odds,
    /// Interferences by kind and whether they strike the server: how many of them.
    pub interferences: Vec<(Point, bool, u32)>,
}

impl Conditions {
    /// Draws a seed's conditions.
    pub fn draw(profile: &Profile, key: Key) -> Conditions {
        let named = |name: u64| key.draw(name, salt::CONDITIONS);
        let devices = devices(profile, named(0));
        let window = between(named(1), profile.window.0, profile.window.1);
        let gap = named(2).chance(profile.gap).then(|| Span::secs(25 * 3_600 + named(3).below(25 * 3_600)));
        let ops = ops(profile, devices, key);
        let calm = named(4).chance(profile.calm);
        let rate = |name: u64, off: u32, most: u32| {
            let draw = named(name);
            if most == 0 || draw.chance(off) { 0 } else { rate(draw.next(), most) }
        };
        let fault = |name: u64, kinds: &[Fault], most: u32| {
            let off = calm || kinds.iter().any(|kind| profile.lacks(*kind));
            if off { 0 } else { rate(name, profile.off, most) }
        };
        let late = |name: u64| rate(name, profile.punctual, profile.most_late);
        let mut odds = Odds {
            drop: fault(10, &[Fault::Drop], profile.most),
            duplicate: fault(11, &[Fault::Duplicate], profile.most),
            corrupt: fault(12, &[Fault::Corrupt], profile.most / 3),
            truncate: fault(13, &[Fault::Truncate], profile.most / 3),
            // A kill between two steps may strike either side.
            kill: fault(14, &[Fault::DeviceKill, Fault::ServerKill], profile.most / 6),
            delay: late(15),
            late: late(16),
            pause: late(17),
            longest: if profile.most_late == 0 { Span::ZERO } else { longest(profile, named(18)) },
            down: between(named(19), Span::secs(1), Span::secs(60)),
            jitter: Span::ZERO,
        };
        if let (Some(gap), true) = (gap, profile.most_late > 0) {
            // Nobody looks at the phone for a day: timers and messages may come as late as that.
            odds.longest = gap;
            odds.late = odds.late.max(32_768);
        }
        let on_devices = ON_DEVICES.iter().map(|point| (*point, false));
        let on_server = ON_SERVER.iter().map(|point| (*point, true));
        let interferences = on_devices
            .chain(on_server)
            .filter_map(|(point, server)| {
                let draw = named(100 + 2 * point as u64 + u64::from(server));
                let rare = if point == Point::Wipe { 49_152 } else { 0 };
                let on = !calm && profile.interferences > 0 && !draw.chance(profile.off) && !draw.next().chance(rare);
                let count = 1 + draw.next().next().below(u64::from(profile.interferences.max(1))) as u32;
                let once = matches!(point, Point::Wipe | Point::Upgrade | Point::Restore);
                on.then_some((point, server, if once { 1 } else { count }))
            })
            .collect();
        let (burst, hot) = (named(5).chance(profile.burst), named(6).chance(profile.hot));
        let empty = named(7).chance(profile.empty);
        Conditions { devices, ops, window, gap, calm, burst, hot, empty, odds, interferences }
    }
}

fn devices(profile: &Profile, draw: Draw) -> u16 {
    let mut roll = draw.below(u64::from(profile.devices.iter().sum::<u32>())) as u32;
    for (n, weight) in profile.devices.iter().enumerate() {
        if roll < *weight {
            return n as u16 + 1;
        }
        roll -= weight;
    }
    unreachable!("a roll below the sum of weights falls into one of them")
}

fn ops(profile: &Profile, devices: u16, key: Key) -> Vec<u32> {
    let (fewest, most) = profile.ops;
    // Half of the days are short: a few ops are enough for most bugs and cost a fraction of the time.
    let short = key.draw(8, salt::CONDITIONS).chance(32_768);
    let most = if short { fewest + (most - fewest) / 4 } else { most };
    let share = |n: u32| n.div_ceil(u32::from(devices)).max(1);
    (1..=devices)
        .map(|device| {
            let mut dice = Dice::new(key.draw(u64::from(device), salt::DEVICE));
            let low = share(fewest);
            dice.between(i64::from(low), i64::from((most / u32::from(devices)).max(low))) as u32
        })
        .collect()
}

/// A chance of at least a 64th of `most`, even on a logarithmic scale.
fn rate(draw: Draw, most: u32) -> u32 {
    let scale = (most >> draw.below(7)).max(1);
    (scale / 2 + draw.next().below(u64::from(scale / 2 + 1)) as u32).max(1)
}

fn longest(profile: &Profile, draw: Draw) -> Span {
    between(draw, Span::millis(500).min(profile.longest), profile.longest)
}

/// A span between two, even on a logarithmic scale, in whole milliseconds.
pub(super) fn between(draw: Draw, low: Span, high: Span) -> Span {
    assert!(low <= high, "a range of spans runs from the shorter to the longer");
    let top = high.0 / 1_000 - low.0 / 1_000;
    if top == 0 { low } else { (low + log_uniform(draw, Span::millis(top))).min(high) }
}

#[cfg(test)]
mod tests {
    use super::super::profile::{ALL, Profile};
    use super::*;

    fn drawn(name: &str, seeds: u64) -> Vec<Conditions> {
        let profile = Profile::find(name).unwrap();
        (0..seeds).map(|seed| Conditions::draw(&profile, Key::of_seed(seed))).collect()
    }

    fn is_calm(day: &Conditions) -> bool {
        let odds = day.odds;
        odds.drop + odds.duplicate + odds.corrupt + odds.truncate + odds.kill == 0 && day.interferences.is_empty()
    }

    #[test]
    fn about_a_third_of_default_runs_has_no_fault_but_is_late() {
        let days = drawn("default", 3_000);
        let calm: Vec<_> = days.iter().filter(|day| is_calm(day)).collect();
        assert!((800..1_300).contains(&calm.len()), "{} of 3,000", calm.len());
        let late = calm.iter().filter(|day| day.odds.delay + day.odds.late + day.odds.pause > 0).count();
        assert!(late * 10 > calm.len() * 8, "{late} of {} are late at all", calm.len());
    }

    #[test]
    fn every_kind_of_interference_is_drawn_and_none_under_polite() {
        let days = drawn("default", 1_000);
        for (point, server) in ON_DEVICES.map(|p| (p, false)).into_iter().chain(ON_SERVER.map(|p| (p, true))) {
            let on = days.iter().filter(|day| day.interferences.iter().any(|i| (i.0, i.1) == (point, server))).count();
            assert!(on > 20, "{} was drawn {on} times in 1,000", point.name());
        }
        assert!(drawn("polite", 300).iter().all(|day| is_calm(day) && day.odds.late + day.odds.delay == 0));
    }

    #[test]
    fn devices_and_ops_stay_in_the_profile_s_ranges() {
        for profile in ALL {
            for day in drawn(profile.name, 500) {
                let ops: u32 = day.ops.iter().sum();
                assert!((profile.ops.0..=profile.ops.1.max(profile.ops.0 + 2)).contains(&ops), "{ops} ops");
                assert!(profile.devices[day.devices as usize - 1] > 0);
            }
        }
    }
}
