//! Any policy runs on any business: the sound one keeps every promise on each, and what only one row may have is given
//! to one only.

use squall::explore::{Profile, generate};
use squall::harness::{Luck, Outcome, Subject};
use squall::model::clinic::{self, CLINIC};
use squall::model::collections::{self, COLLECTIONS};
use squall::model::{DOMAINS, Domain, Entity, Key, Op, Row, Scenario, Step, Value, Verb};
use squall::sim::{NodeId, OpId, Span, Time};
use squall::store::Memory;
use squall::sync::presets::SERI_SOUND;
use squall::sync::{Engine, Policy};

fn engine(policy: Policy, domain: &'static Domain) -> Engine<Memory> {
    Engine::new("sound", policy, domain)
}

fn story(domain: &'static Domain, devices: usize, rows: Vec<(&str, Row)>, ops: Vec<Op>) -> Scenario {
    let mut scenario = Scenario::new(domain);
    scenario.devices = (1..=devices).map(|n| format!("device-{n}")).collect();
    scenario.rows = rows.into_iter().map(|(name, row)| (name.to_string(), row)).collect();
    // All within the latency of a message: nobody knows of the others.
    let at = |n: usize| Time::ZERO + Span::secs(1) + Span::millis(n as u64);
    scenario.steps = ops.into_iter().enumerate().map(|(n, op)| Step { at: at(n), op }).collect();
    scenario.heal = Time::ZERO + Span::secs(5);
    scenario
}

fn ends(policy: Policy, scenario: &Scenario) -> Outcome {
    Subject::run(&engine(policy, scenario.domain), scenario, Luck::Replay, true)
}

fn held(outcome: &Outcome, node: usize, entity: Entity) -> usize {
    let rows = &outcome.end.as_ref().expect("the end was recorded").rows[node];
    rows.iter().filter(|row| row.entity == entity && !row.deleted).count()
}

fn op(id: u32, node: u16, verb: Verb) -> Op {
    Op::new(OpId(id), NodeId(node), verb)
}

fn reception() -> Vec<(&'static str, Row)> {
    let row = |entity| Row::new(entity, Key(1)).with(clinic::field::PRACTICE, Value::int(1));
    let pet = row(clinic::PET).with(clinic::field::PET_CLIENT, Value::key(Key(1)));
    vec![("C", row(clinic::CLIENT)), ("P", pet), ("D", row(clinic::PRACTITIONER))]
}

#[test]
fn the_sound_policy_keeps_every_promise_on_every_business() {
    let profile = Profile::find("heavy").unwrap();
    for domain in DOMAINS {
        for seed in 0..8 {
            let (scenario, luck) = generate(domain, &profile, seed);
            let outcome = Subject::run(&engine(SERI_SOUND, domain), &scenario, luck, false);
            assert_eq!(outcome.mistake, None, "{} seed {seed}", domain.name);
            assert!(outcome.violations.is_empty(), "{} seed {seed}: {:?}", domain.name, outcome.violations);
        }
    }
}

#[test]
fn two_receptions_give_a_slot_away_once_if_the_server_looks_and_twice_if_it_does_not() {
    let appointment = |id, node| op(id, node, clinic::CREATE_APPOINTMENT).on(Key(1)).line(Key(1), 9);
    let scenario = story(&CLINIC, 2, reception(), vec![appointment(1, 1), appointment(2, 2)]);
    let sound = ends(SERI_SOUND, &scenario);
    assert!(sound.violations.is_empty(), "{:?}", sound.violations);
    assert_eq!(held(&sound, 0, clinic::APPOINTMENT), 1);
    let blind = ends(SERI_SOUND.with("validation", "none").unwrap(), &scenario);
    assert!(blind.violations.iter().any(|one| one.invariant == "numbers-unique"), "{:?}", blind.violations);
}

#[test]
fn a_note_on_an_appointment_that_the_server_rejects_is_rejected_too() {
    let appointment = |id, node| op(id, node, clinic::CREATE_APPOINTMENT).on(Key(1)).line(Key(1), 9);
    let note = (1..=4).fold(op(3, 2, clinic::WRITE_NOTE).on(Key::made(OpId(2), 0)), |op, n| op.line(Key::NONE, n));
    let scenario = story(&CLINIC, 2, reception(), vec![appointment(1, 1), appointment(2, 2), note]);
    let outcome = ends(SERI_SOUND, &scenario);
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    assert_eq!((held(&outcome, 0, clinic::NOTE), held(&outcome, 2, clinic::NOTE)), (0, 0));
}

#[test]
fn a_client_of_one_practice_never_shows_in_the_other() {
    let client = op(1, 1, clinic::CREATE_CLIENT).line(Key::NONE, 440).line(Key::NONE, 1);
    let outcome = ends(SERI_SOUND, &story(&CLINIC, 3, reception(), vec![client]));
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    let clients: Vec<usize> = (0..4).map(|node| held(&outcome, node, clinic::CLIENT)).collect();
    assert_eq!(clients, [2, 2, 2, 0], "server, two devices of the practice, one of the other");
}

#[test]
fn of_two_products_registered_under_one_code_one_stays_and_the_conflict_is_recorded() {
    let register = |id, node, name| {
        op(id, node, collections::REGISTER).line(Key::NONE, 7).line(Key::NONE, name).line(Key::NONE, 1)
    };
    let scenario = story(&COLLECTIONS, 2, Vec::new(), vec![register(1, 1, 5), register(2, 2, 6)]);
    let outcome = ends(SERI_SOUND, &scenario);
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    assert_eq!((held(&outcome, 0, collections::PRODUCT), held(&outcome, 0, Entity::CONFLICT)), (1, 1));
}

#[test]
fn nobody_is_paid_more_than_is_owed() {
    let supplier = Row::new(collections::SUPPLIER, Key(1)).with(collections::field::BALANCE, Value::int(100));
    let pay = |id, node| op(id, node, collections::PAY).on(Key(1)).line(Key::NONE, 80);
    let scenario = story(&COLLECTIONS, 2, vec![("S", supplier)], vec![pay(1, 1), pay(2, 2)]);
    let outcome = ends(SERI_SOUND, &scenario);
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    assert_eq!(held(&outcome, 0, collections::PAYMENT), 1);
}

#[test]
fn a_form_that_is_saved_after_its_row_was_deleted_is_refused_and_nothing_is_lost() {
    let supplier = Row::new(collections::SUPPLIER, Key(1)).with(collections::field::BALANCE, Value::int(0));
    let gone = op(1, 1, collections::DELETE_SUPPLIER).on(Key(1));
    let saved = op(2, 1, collections::SET_PHONE).on(Key(1)).line(Key::NONE, 622);
    let outcome = ends(SERI_SOUND, &story(&COLLECTIONS, 1, vec![("S", supplier)], vec![gone, saved]));
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    assert_eq!(held(&outcome, 0, collections::SUPPLIER), 0);
}
