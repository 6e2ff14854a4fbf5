//! A day from bytes: devices, opening rows, the network, and what users do.
//!
//! Users act in the order of the records, so a record that goes takes one op with it and moves none before it. What goes
//! wrong on the day is decided elsewhere.

use super::bytes::{HEAD, Record, span};
use crate::explore::canonical::named;
use crate::model::command::{CLEAR_QUEUE, DECIDE, REFRESH, SYNC};
use crate::model::domain::{Dice, Setting};
use crate::model::{Domain, Key, Network, Op, Row, Scenario, Step, Verb};
use crate::sim::luck::mix;
use crate::sim::{Draw, NodeId, OpId, Span, Time};

/// Most ops of a day.
const MOST_OPS: usize = 24;
/// The longest time between two ops.
const LONGEST_WAIT: Span = Span::mins(2);
/// The number of a device's second user, beyond that of its first.
const SECOND_SHIFT: u16 = 100;

/// The day of a head and those records that are ops. The first byte of the head is left for the choice of a system.
pub fn day(domain: &'static Domain, head: &[u8; HEAD], records: &[Record]) -> Scenario {
    let [_, people, rows, network, evening, _] = *head;
    let mut scenario = Scenario::new(domain);
    scenario.devices = (1..=1 + people % 3).map(|n| format!("till-{n}")).collect();
    let hot = people & 4 != 0;
    scenario.empty_devices = people >> 3 == 31;
    scenario.rows = (domain.opening)(domain, &mut Dice::new(Draw(mix(u64::from(rows)))), hot);
    scenario.rows.sort_by_key(|(_, row)| row.entity);
    scenario.network = match network {
        0..128 => Network::default(),
        128..192 => Network::THREE_G,
        // Never so slow that the answer comes after a client's time-out.
        192..224 => Network { latency: Span::millis(u64::from(network - 192) * 10), bandwidth: 0 },
        _ => Network { latency: Span::millis(80), bandwidth: 4_000 * (u64::from(network) - 223) },
    };
    let opening: Vec<Row> = scenario.rows.iter().map(|(_, row)| *row).collect();
    let mut ops: Vec<Op> = Vec::new();
    let mut now = Time::ZERO + Span::secs(if scenario.empty_devices { 45 } else { 1 });
    for record in records.iter().take(MOST_OPS) {
        let [_, who, wait, ..] = *record;
        now = now + span(wait, LONGEST_WAIT);
        let node = NodeId(u16::from(who) % scenario.devices.len() as u16 + 1);
        let mut blank = Op::new(OpId(ops.len() as u32 + 1), node, Verb::default());
        if who >= 192 {
            blank.user += SECOND_SHIFT;
        }
        let setting = Setting { domain, rows: &opening, ops: &ops, hot };
        if let Some(op) = op(domain, record, &setting, blank) {
            ops.push(op);
            scenario.steps.push(Step { at: now, op });
        }
    }
    scenario.heal = now + Span::secs(1) + span(evening, Span::mins(5));
    named(&scenario)
}

/// What a record says that somebody does; `None` if nothing of the kind fits.
fn op(domain: &'static Domain, record: &Record, setting: &Setting<'_>, op: Op) -> Option<Op> {
    let [kind, _, _, which, luck, more] = *record;
    let any = |list: &[Op]| (!list.is_empty()).then(|| list[usize::from(which) % list.len()]);
    match kind & 63 {
        0..40 => (domain.invent)(&mut Dice::new(Draw(mix(u64::from(u16::from_le_bytes([which, luck]))))), setting, op),
        40..48 => {
            let others: Vec<Op> = setting.ops.iter().filter(|other| other.node != op.node).copied().collect();
            same(domain, &any(&others)?, setting.rows, op, i64::from(more & 3))
        }
        48..54 => Some(op.doing(SYNC).line(Key::NONE, i64::from(which % 3))),
        54..58 => {
            let own: Vec<Op> =
                setting.ops.iter().filter(|own| own.node == op.node && own.verb.0 < SYNC.0).copied().collect();
            Some(op.doing(DECIDE).after(any(&own)?.id).line(Key::NONE, i64::from(more & 1)))
        }
        58..61 => Some(op.doing(REFRESH).line(Key::NONE, 0)),
        _ => Some(op.doing(CLEAR_QUEUE).line(Key::NONE, 0)),
    }
}

/// The same as another did, with a value of one's own, if it is about opening rows that the device holds.
fn same(domain: &'static Domain, other: &Op, rows: &[Row], op: Op, more: i64) -> Option<Op> {
    let known = |key: Key| {
        let mut of_key = rows.iter().filter(|row| row.key == key).peekable();
        key == Key::NONE || of_key.peek().is_some() && of_key.all(|row| (domain.scope)(op.node, row))
    };
    let all_known = known(other.target) && other.lines().iter().all(|line| known(line.key));
    (all_known && !other.earlier.is_some() && other.verb.0 < SYNC.0).then(|| {
        other.lines().iter().fold(op.doing(other.verb).on(other.target), |own, line| {
            own.line(line.key, line.value + if line.key == Key::NONE { more } else { 0 })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DOMAINS;

    fn records(seed: u64, count: usize) -> Vec<Record> {
        let mut draw = Draw(seed);
        let mut byte = || {
            draw = draw.next();
            draw.below(256) as u8
        };
        (0..count).map(|_| std::array::from_fn(|_| byte())).collect()
    }

    #[test]
    fn nothing_makes_a_day_on_which_nobody_does_anything() {
        let day = day(DOMAINS[0], &[0; HEAD], &[]);
        assert_eq!((day.devices.len(), day.steps.len(), day.heal), (1, 0, Time::ZERO + Span::secs(2)));
    }

    #[test]
    fn a_record_that_goes_leaves_the_ops_before_it_as_they_are() {
        for domain in DOMAINS {
            let all = records(1, 12);
            let (long, short) = (day(domain, &[2; HEAD], &all), day(domain, &[2; HEAD], &all[..8]));
            assert!(short.steps.len() > 3 && long.steps.len() > short.steps.len());
            assert_eq!(long.steps[..short.steps.len()], short.steps);
        }
    }

    #[test]
    fn every_kind_of_op_comes_up_and_all_are_in_order_of_time() {
        for domain in DOMAINS {
            let mut verbs = std::collections::BTreeSet::new();
            for seed in 0..400 {
                let day = day(domain, &[seed as u8; HEAD], &records(seed, 30));
                assert!(day.steps.len() <= MOST_OPS && day.steps.is_sorted_by_key(|step| step.at));
                verbs.extend(day.steps.iter().map(|step| domain.verb(&step.op).name));
            }
            let missing: Vec<&str> =
                domain.verb_specs().map(|(_, spec)| spec.name).filter(|name| !verbs.contains(name)).collect();
            assert_eq!(missing, Vec::<&str>::new(), "{}", domain.name);
        }
    }
}
