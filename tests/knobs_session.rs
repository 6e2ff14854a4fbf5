//! Tokens, time-outs by kind of message, deltas and stale deletions: what each setting changes, on days of two devices.
//!
//! The stories of the PayTrack document show the same in files; here are the settings that no story turns, and figures.

use squall::harness::{Luck, Outcome, Subject};
use squall::model::collections::{self, COLLECTIONS, field};
use squall::model::{Key, Op, Row, Scenario, Step, Value, Verb};
use squall::sim::{Deviation, Fate, Label, NodeId, OpId, Point, Span, Time};
use squall::store::Memory;
use squall::sync::presets::{PAYTRACK, PAYTRACK_SOUND};
use squall::sync::{Engine, Policy};
use squall::system::Metric;

fn at(ms: u64) -> Time {
    Time::ZERO + Span::millis(ms)
}

fn op(id: u32, node: u16, verb: Verb) -> Op {
    Op::new(OpId(id), NodeId(node), verb).on(Key(1))
}

/// A supplier that two devices know, and what they do.
fn day(ops: &[(u64, Op)]) -> Scenario {
    let supplier = Row::new(collections::SUPPLIER, Key(1))
        .with(field::BALANCE, Value::int(100))
        .with(field::PHONE, Value::int(7))
        .with(field::ADDRESS, Value::int(1));
    let mut scenario = Scenario::new(&COLLECTIONS);
    scenario.devices = ["awa", "binta"].map(String::from).to_vec();
    scenario.rows = vec![("S".into(), supplier)];
    scenario.steps = ops.iter().map(|(ms, op)| Step { at: at(*ms), op: *op }).collect();
    scenario.heal = at(60_000);
    scenario
}

fn run(policy: Policy, scenario: &Scenario) -> Outcome {
    let engine: Engine<Memory> = Engine::new("paytrack", policy, &COLLECTIONS);
    let outcome = Subject::run(&engine, scenario, Luck::Replay, true);
    assert_eq!(outcome.mistake, None);
    outcome
}

fn with(policy: Policy, knob: &str, value: &str) -> Policy {
    policy.with(knob, value).expect("the knob takes the value")
}

fn supplier(outcome: &Outcome, node: usize) -> Row {
    let rows = &outcome.end.as_ref().expect("the end was recorded").rows[node];
    *rows.iter().find(|row| row.entity == collections::SUPPLIER).expect("the supplier is there")
}

fn counted(outcome: &Outcome, metric: Metric) -> u64 {
    outcome.metrics.counted[metric as usize]
}

#[test]
fn a_delta_is_smaller_and_loses_nothing_unless_the_server_takes_it_for_the_whole_row() {
    let phone = op(1, 1, collections::SET_PHONE).line(Key::NONE, 8);
    let scenario = day(&[(1_000, phone)]);
    let rows = run(with(PAYTRACK_SOUND, "payload", "rows"), &scenario);
    let delta = run(PAYTRACK_SOUND, &scenario);
    let alone = run(with(PAYTRACK_SOUND, "payload", "changed-fields-alone"), &scenario);
    assert!(delta.metrics.bytes < rows.metrics.bytes);
    assert!(delta.metrics.compressed_bytes < delta.metrics.bytes);
    for node in 0..3 {
        assert_eq!(supplier(&delta, node).fields, supplier(&rows, node).fields, "node {node}");
        assert_eq!(supplier(&delta, node).get(field::ADDRESS), Value::int(1));
        assert_eq!(supplier(&alone, node).get(field::ADDRESS), Value::NULL);
    }
    assert_eq!(delta.violations, []);
}

#[test]
fn a_stale_deletion_is_refused_where_the_server_wins_and_recorded_where_it_does_not() {
    let phone = op(1, 1, collections::SET_PHONE).line(Key::NONE, 8);
    let scenario = day(&[(1_000, phone), (1_001, op(2, 2, collections::DELETE_SUPPLIER))]);
    let ends = |policy| {
        let outcome = run(policy, &scenario);
        assert_eq!(outcome.violations, []);
        let conflicts = outcome.end.as_ref().unwrap().rows[0].iter();
        let conflicts = conflicts.filter(|row| row.entity == squall::model::Entity::CONFLICT).count();
        (supplier(&outcome, 0).deleted, conflicts)
    };
    assert_eq!(ends(PAYTRACK_SOUND), (false, 1));
    assert_eq!(ends(with(PAYTRACK_SOUND, "resolution", "later-edit")), (true, 1));
    assert_eq!(ends(with(PAYTRACK_SOUND, "stale-deletion", "taken")), (true, 0));
}

#[test]
fn a_server_that_is_down_is_noticed_after_the_connection_time_out() {
    let mut scenario = day(&[(5_000, op(1, 1, collections::PAY).line(Key::NONE, 50))]);
    let down = Label::interference(NodeId::SERVER, Point::Kill, 1);
    scenario.schedule = vec![Deviation { label: down, fate: Fate::During(at(4_000), Span::secs(9), 0) }];
    let arrives = |policy| {
        let outcome = run(policy, &scenario);
        assert_eq!(outcome.violations, []);
        outcome.end.unwrap().delays[0].1
    };
    let at_once = arrives(with(PAYTRACK_SOUND, "connect-time-out", "0"));
    let patient = arrives(PAYTRACK_SOUND);
    assert!(patient > Span::secs(10) && patient < Span::secs(13), "{patient}");
    assert_ne!(at_once, patient);
}

#[test]
fn an_expired_token_is_answered_401_and_only_the_sound_device_goes_on_by_itself() {
    let scenario = day(&[(1_000, op(1, 1, collections::PAY).line(Key::NONE, 50))]);
    let sound = run(with(PAYTRACK_SOUND, "token-life", "500"), &scenario);
    assert!(counted(&sound, Metric::TokensExpired) > 0);
    assert_eq!((sound.reached_server, sound.violations.len()), (1, 0));
    let written = run(with(PAYTRACK, "token-life", "500"), &scenario);
    assert_eq!((written.reached_server, written.metrics.outbox_at_rest[2]), (0, 1));
}

#[test]
fn a_token_that_has_expired_on_arrival_is_not_asked_for_without_end() {
    let outcome =
        run(with(PAYTRACK_SOUND, "token-life", "1"), &day(&[(1_000, op(1, 1, collections::PAY).line(Key::NONE, 50))]));
    assert!(outcome.broken().contains(&"outbox-drains") && outcome.events < 1_000, "{} events", outcome.events);
}

#[test]
fn exchanges_are_counted_by_their_end_and_the_last_good_one_of_each_device_is_known() {
    let scenario = day(&[(1_000, op(1, 1, collections::PAY).line(Key::NONE, 50))]);
    let outcome = run(PAYTRACK_SOUND, &scenario);
    let (good, bad) = (counted(&outcome, Metric::SyncsSucceeded), counted(&outcome, Metric::SyncsFailed));
    assert_eq!((good, bad), (outcome.metrics.requests, 0));
    assert!(counted(&outcome, Metric::SyncTime) >= good * 100_000, "each takes the way there and back");
    assert_eq!(outcome.metrics.since_last_sync.len(), 2);
}
