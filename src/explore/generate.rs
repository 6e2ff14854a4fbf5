//! A whole bad day from a seed: opening rows, ops with times, interferences, and when it ends.
//!
//! Each piece is drawn under its own name: a device's k-th op, an interference, the opening rows. So a further device or
//! a further op changes no other (promise P1). What users do is the domain's own invention; what becomes of messages,
//! steps and timers is drawn while the run goes on.

use super::canonical::named;
use super::conditions::{Conditions, between, salt};
use super::profile::Profile;
use crate::harness::Luck;
use crate::model::domain::{Dice, Setting, Shape, form_rows};
use crate::model::{self, Domain, Network, Op, Row, Scenario, Step, Verb};
use crate::sim::{Deviation, Fate, Key, Label, NodeId, OpId, Point, Span, Time};

/// Ops of a device are numbered from this times its index, so that each keeps its number whatever others do.
const STRIDE: u32 = 64;
/// The number of a device's second user, beyond that of its first.
const SECOND_SHIFT: u16 = 100;
/// How far ahead a device looks for what another does, to do it as well.
const MEETING: Span = Span::secs(120);
/// How often the domain is asked again when it has no idea.
const IDEAS: u32 = 3;

/// What the device of this number is called in every generated scenario.
pub fn device_name(number: usize) -> String {
    format!("till-{number}")
}

/// The scenario of a seed, and the luck to run it with.
///
/// # Panics
/// If the profile asks for more than 63 ops of one device.
pub fn generate(domain: &'static Domain, profile: &Profile, seed: u64) -> (Scenario, Luck) {
    let key = Key::of_seed(seed);
    let day = Conditions::draw(profile, key);
    let mut scenario = Scenario::new(domain);
    scenario.devices = (1..=usize::from(day.devices)).map(device_name).collect();
    scenario.empty_devices = day.empty;
    if key.draw(9, salt::CONDITIONS).chance(13_107) {
        scenario.network = Network::THREE_G;
    }
    scenario.rows = (domain.opening)(domain, &mut Dice::new(key.draw(0, salt::OPENING)), day.hot);
    scenario.steps = steps(domain, &day, &scenario, key);
    scenario = named(&scenario);
    let last = scenario.steps.iter().map(|step| step.at).max().unwrap_or(Time::ZERO);
    scenario.heal = last + Span::secs(5 + key.draw(10, salt::CONDITIONS).below(86));
    scenario.schedule = interferences(&day, &scenario, key);
    scenario.schedule.retain(|deviation| deviation.fault().is_none_or(|fault| !profile.lacks(fault)));
    let luck = if profile.faults() == 0 { Luck::Replay } else { Luck::Drawn(key, day.odds) };
    (scenario, luck)
}

/// The same devices and ops in the weather of a seed: its interferences are added to those of the scenario. Faults end
/// after the last op if the scenario would end them earlier.
pub fn weather(scenario: &Scenario, profile: &Profile, seed: u64) -> (Scenario, Luck) {
    let key = Key::of_seed(seed);
    let day = Conditions { devices: scenario.devices.len() as u16, ..Conditions::draw(profile, key) };
    let mut drawn = scenario.clone();
    let last = drawn.steps.iter().map(|step| step.at).max().unwrap_or(Time::ZERO);
    if drawn.heal <= last {
        drawn.heal = last + Span::secs(5 + key.draw(10, salt::CONDITIONS).below(86));
    }
    let until = if drawn.heal == Time::NEVER { last + Span::mins(1) } else { drawn.heal };
    let bounded = Scenario { heal: until, ..drawn.clone() };
    let own = &scenario.schedule;
    let new = interferences(&day, &bounded, key).into_iter();
    drawn.schedule.extend(new.filter(|one| own.iter().all(|fixed| fixed.label != one.label)));
    drawn.schedule.sort_unstable();
    let luck = if profile.faults() == 0 { Luck::Replay } else { Luck::Drawn(key, day.odds) };
    (drawn, luck)
}

fn steps(domain: &'static Domain, day: &Conditions, scenario: &Scenario, key: Key) -> Vec<Step> {
    let rows: Vec<Row> = scenario.rows.iter().map(|(_, row)| *row).collect();
    let mut steps: Vec<Step> = Vec::new();
    let mut ops: Vec<Op> = Vec::new();
    for (index, count) in day.ops.iter().enumerate() {
        assert!(*count < STRIDE, "a device has at most {} ops, not {count}", STRIDE - 1);
        let node = NodeId(index as u16 + 1);
        let relieved = second_shift(key.draw(u64::from(node.0), salt::USER), *count);
        let mut at = Time::ZERO + if day.empty { Span::secs(45) } else { Span::ZERO };
        for k in 1..=*count {
            let id = OpId(index as u32 * STRIDE + k);
            let before = at;
            at = next_time(day, *count, k, before, key.draw(u64::from(id.0), salt::TIME));
            let mut dice = Dice::new(key.draw(u64::from(id.0), salt::OP));
            let setting = Setting { domain, rows: &rows, ops: &ops, hot: day.hot };
            let mut blank = Op::new(id, node, Verb::default());
            if relieved.is_some_and(|from| k >= from) {
                blank.user += SECOND_SHIFT;
            }
            let met = met(domain, &setting, &steps, (at, &blank), key.draw(u64::from(id.0), salt::MEETING));
            if let Some(step) = met {
                at = step.at;
                ops.push(step.op);
                steps.push(step);
                continue;
            }
            let invented = (0..IDEAS).find_map(|_| (domain.invent)(&mut dice, &setting, blank));
            if let Some(op) = invented {
                let last = steps.last().map(|step: &Step| step.op.id).filter(|_| k > 1);
                if last.is_some_and(|last| builds_on(&op, last)) && dice.one_in(2) {
                    at = before + Span::millis(1 + dice.below(400));
                }
                ops.push(op);
                steps.push(Step { at, op });
            }
        }
    }
    steps.sort_by_key(|step| (step.at, step.op.node, step.op.id));
    steps
}

/// Now and then two people do the same thing at nearly the same time: an op on an opening row that another device has
/// done, with a value of one's own.
fn met(
    domain: &'static Domain,
    setting: &Setting<'_>,
    steps: &[Step],
    (at, op): (Time, &Op),
    draw: crate::sim::Draw,
) -> Option<Step> {
    let mut dice = Dice::new(draw);
    if !dice.one_in(4) {
        return None;
    }
    let known = |entity, key| {
        let row = setting.rows.iter().find(|row| (row.entity, row.key) == (entity, key));
        row.is_some_and(|row| (domain.scope)(op.node, row))
    };
    let meets = |other: &Op| match domain.verb(other).shape {
        Shape::Set { entity } => known(entity, other.target),
        Shape::Pair { target, other: second } => {
            known(target.1, other.target) && other.lines().iter().all(|line| known(second.1, line.key))
        }
        Shape::Record { target: Some((_, entity)), lines: Some((_, line_of)), .. } => {
            known(entity, other.target) && other.lines().iter().all(|line| known(line_of, line.key))
        }
        Shape::Form { rows, .. } => form_rows(rows, other).all(|(entity, key)| known(entity, key)),
        _ => false,
    };
    let soon = |step: &&Step| step.op.node != op.node && step.at >= at && step.at < at + MEETING && meets(&step.op);
    let near: Vec<&Step> = steps.iter().filter(soon).collect();
    let other = near.get(dice.below(near.len().max(1) as u64) as usize)?;
    let same = op.doing(other.op.verb).on(other.op.target);
    let own = other.op.lines().iter().fold(same, |own, line| {
        let differs = i64::from(line.key == model::Key::NONE);
        own.line(line.key, line.value + differs)
    });
    Some(Step { at: other.at + Span::millis(dice.below(200)), op: own })
}

/// Whether an op is about a row that another has made.
fn builds_on(op: &Op, other: OpId) -> bool {
    let names = |key: model::Key| key.maker().is_some_and(|(maker, _)| maker == other);
    names(op.target) || op.lines().iter().any(|line| names(line.key))
}

/// From which op on another user has taken a device over, on one device in four.
fn second_shift(draw: crate::sim::Draw, count: u32) -> Option<u32> {
    let mut dice = Dice::new(draw);
    (count > 1 && dice.one_in(4)).then(|| 2 + dice.below(u64::from(count) - 1) as u32)
}

/// The device's next op: soon after the one before it, at the same moment in bursts, or after the long gap.
fn next_time(day: &Conditions, count: u32, k: u32, before: Time, draw: crate::sim::Draw) -> Time {
    let mean = Span(day.window.0 / u64::from(count));
    let mut dice = Dice::new(draw);
    let mut wait = Span(dice.below((2 * mean.0).clamp(2, 1 << 32)));
    if day.burst && dice.one_in(2) {
        wait = Span(dice.below(900));
    } else if dice.one_in(2) {
        // Whole seconds, so that different devices act at the same moment.
        wait = Span(wait.0 / 1_000_000 * 1_000_000);
    }
    let gap = match day.gap {
        Some(gap) if k == count.div_ceil(2) + 1 => gap,
        _ => Span::ZERO,
    };
    let first = if k == 1 { Span::secs(1) } else { Span::ZERO };
    before + first + wait + gap
}

fn interferences(day: &Conditions, scenario: &Scenario, key: Key) -> Vec<Deviation> {
    let mut schedule = Vec::new();
    for (point, on_server, count) in &day.interferences {
        for n in 1..=*count {
            let nodes = if *on_server { 0..=0 } else { 1..=day.devices };
            for node in nodes {
                let label = Label::interference(NodeId(node), *point, n);
                let draw = key.draw(label.0, salt::INTERFERENCE);
                // Half of the tills are spared, but never the only one.
                let hit = *on_server || day.devices == 1 || draw.next().chance(32_768);
                if hit {
                    schedule.push(Deviation { label, fate: interference(*point, scenario, day, Dice::new(draw)) });
                }
            }
        }
    }
    if let Some(gap) = day.gap.filter(|_| !day.calm) {
        schedule.extend((1..=day.devices).filter_map(|node| asleep(NodeId(node), gap, scenario, key)));
    }
    schedule.sort_unstable();
    schedule
}

/// Half of the tills are put away over the gap, often just after something was sent.
fn asleep(node: NodeId, gap: Span, scenario: &Scenario, key: Key) -> Option<Deviation> {
    let label = Label::interference(node, Point::Background, 0);
    let mut dice = Dice::new(key.draw(label.0, salt::INTERFERENCE));
    let own: Vec<Time> = scenario.steps.iter().filter(|step| step.op.node == node).map(|step| step.at).collect();
    let before = own.windows(2).find(|pair| pair[1].since(pair[0]) >= gap)?[0];
    let soon = if dice.one_in(2) { 200 } else { 20_000 };
    let at = before + Span::millis(dice.below(soon));
    dice.one_in(2).then_some(Deviation { label, fate: Fate::During(at, gap, 0) })
}

fn interference(point: Point, scenario: &Scenario, day: &Conditions, mut dice: Dice) -> Fate {
    let bad_day = Span(scenario.heal.0);
    let any = |dice: &mut Dice, most: Span| Span::millis(dice.below((most.0 / 1_000).clamp(1, 1 << 32)));
    let at = Time::ZERO
        + match scenario.steps.len() as u64 {
            // Trouble likes company: mostly it comes shortly before or after an op.
            n if n > 0 && !dice.one_in(4) => {
                let near = Span(scenario.steps[dice.below(n) as usize].at.0);
                let shift = any(&mut dice, Span::secs(8));
                Span((near + shift).0.saturating_sub(4_000_000)).min(bad_day)
            }
            _ => any(&mut dice, bad_day),
        };
    let luck = crate::sim::Draw(dice.below(1 << 32) << 32 | dice.below(1 << 32));
    let mut lasts = between(luck, Span::millis(500), bad_day.max(Span::secs(1)));
    if day.gap.is_some() {
        // Days of futile retries show nothing that half an hour of them does not.
        lasts = lasts.min(Span::mins(30));
    }
    let sign = |dice: &mut Dice, n: i64| if dice.one_in(2) { -n } else { n };
    let offset = |dice: &mut Dice| {
        let seconds = match dice.below(3) {
            0 => dice.between(1, 60),
            1 => 3_600 * dice.between(1, 20),
            _ => 86_400 * dice.between(1, 30),
        };
        sign(dice, seconds * 1_000_000)
    };
    match point {
        Point::ClockOffset => Fate::During(Time::ZERO, Span::ZERO, offset(&mut dice)),
        Point::ClockJump => Fate::During(at, Span::ZERO, offset(&mut dice)),
        Point::ClockDrift => {
            let ppm = [200, 10_000, 300_000][dice.below(3) as usize];
            Fate::During(at, lasts, sign(&mut dice, ppm))
        }
        Point::Limited => Fate::During(at, lasts, dice.between(100, 20_000)),
        Point::Kill | Point::Upgrade => Fate::During(at, lasts.min(Span::secs(90)), 0),
        Point::Wipe => Fate::During(at, Span::ZERO, 0),
        Point::Overload => Fate::During(at, lasts.min(Span::mins(5)), 0),
        _ => Fate::During(at, lasts, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::profile;
    use crate::model::retail::RETAIL;
    use crate::sim::Fault;

    #[test]
    fn a_seed_always_generates_the_same_scenario() {
        for profile in profile::ALL {
            let (a, b) = (generate(&RETAIL, &profile, 11), generate(&RETAIL, &profile, 11));
            assert_eq!(format!("{a:?}"), format!("{b:?}"));
            assert_ne!(format!("{a:?}"), format!("{:?}", generate(&RETAIL, &profile, 12)));
        }
    }

    #[test]
    fn ops_stand_in_order_of_time_each_device_s_in_order_of_number_and_before_the_day_ends() {
        for profile in profile::ALL {
            for seed in 0..200 {
                let (scenario, _) = generate(&RETAIL, &profile, seed);
                for pair in scenario.steps.windows(2) {
                    assert!(pair[0].at <= pair[1].at, "{} seed {seed}", profile.name);
                }
                for n in 1..=scenario.devices.len() as u16 {
                    let own: Vec<_> = scenario.steps.iter().filter(|step| step.op.node.0 == n).collect();
                    assert!(own.windows(2).all(|pair| pair[0].op.id < pair[1].op.id), "{} seed {seed}", profile.name);
                }
                assert!(scenario.steps.iter().all(|step| step.at < scenario.heal));
                for deviation in &scenario.schedule {
                    let Fate::During(at, ..) = deviation.fate else { panic!("only interferences are planned") };
                    assert!(at <= scenario.heal, "{} seed {seed}", profile.name);
                }
            }
        }
    }

    #[test]
    fn a_long_gap_is_longer_than_a_key_lives() {
        let heavy = Profile::find("heavy").unwrap();
        let longest = |seed| {
            let steps = generate(&RETAIL, &heavy, seed).0.steps;
            steps.windows(2).map(|pair| pair[1].at.since(pair[0].at)).max().unwrap_or(Span::ZERO)
        };
        assert!((0..300).any(|seed| longest(seed) > Span::hours(24)));
    }

    #[test]
    fn tight_and_wide_days_are_both_drawn() {
        let default = Profile::find("default").unwrap();
        let ends: Vec<Time> =
            (0..300).map(|seed| generate(&RETAIL, &default, seed).0.steps.last().unwrap().at).collect();
        let tight = ends.iter().filter(|at| **at < Time::ZERO + Span::secs(20)).count();
        let wide = ends.iter().filter(|at| **at > Time::ZERO + Span::secs(100)).count();
        assert!(tight > 30 && wide > 30, "{tight} tight, {wide} wide of 300");
    }

    #[test]
    fn weather_leaves_devices_and_ops_alone_and_ends_after_the_last_op() {
        let (heavy, polite) = (Profile::find("heavy").unwrap(), Profile::find("polite").unwrap());
        for seed in 0..40 {
            let given = Scenario { heal: Time::ZERO, ..generate(&RETAIL, &polite, seed).0 };
            let (drawn, luck) = weather(&given, &heavy, seed + 1);
            assert_eq!((&drawn.steps, &drawn.devices), (&given.steps, &given.devices));
            assert!(drawn.heal > given.steps.iter().map(|step| step.at).max().unwrap_or(Time::ZERO));
            assert!(!drawn.schedule.is_empty() && matches!(luck, Luck::Drawn(..)));
            assert!(drawn.schedule.iter().all(|one| one.label.node().index() <= given.devices.len()));
            let (again, _) = weather(&drawn, &heavy, seed + 1);
            assert_eq!(again.schedule, drawn.schedule, "what is fixed is not drawn again");
        }
    }

    #[test]
    fn a_fault_that_is_switched_off_is_planned_on_no_day_and_leaves_the_others_as_they_are() {
        let (all, fewer) = (Profile::find("heavy").unwrap(), Profile::find("heavy,no-restore,no-background").unwrap());
        let gone = |deviation: &Deviation| matches!(deviation.fault(), Some(Fault::Restore | Fault::Background));
        let mut struck = 0;
        for seed in 0..200 {
            let (mut with, without) = (generate(&RETAIL, &all, seed).0, generate(&RETAIL, &fewer, seed).0);
            struck += with.schedule.iter().filter(|deviation| gone(deviation)).count();
            with.schedule.retain(|deviation| !gone(deviation));
            assert_eq!(format!("{with:?}"), format!("{without:?}"), "seed {seed}");
        }
        assert!(struck > 50, "{struck}");
    }
}
