//! A system without a server, run from the outside: nobody sits in the server's place, nothing strikes it, a drawn run
//! replays, and reports speak of devices only.
//!
//! How each invariant judges such a system is tested where the invariants are; a system that somebody could want is
//! `examples/gossip.rs`.

use squall::campaign::{Campaign, Verdict, vacuity};
use squall::explore::{Profile, explicit, generate};
use squall::harness::{Luck, Subject, What};
use squall::model::Step;
use squall::model::row::FIELDS;
use squall::prelude::*;
use squall::report::{Style, table};
use squall::sim::{Deviation, Fate, Label, Point};
use std::collections::BTreeMap;
use std::sync::Arc;

const NOTE: Entity = Entity(0);
const TOLD: Channel = Channel(1);
const TICK: Timer = Timer { channel: Channel(2), number: 0 };

static NOTES: Domain = Domain {
    transition: |op, _, effects| effects.push(Effect::Create(note(op))),
    ..Domain::new(
        "notes",
        &[EntitySpec::new("note", &[FieldSpec::new("text", Class::Plain)])],
        &[VerbSpec::new("write", Shape::Record { target: None, values: &["text"], lines: None })],
    )
};

fn note(op: &Op) -> Row {
    let row = Row { origin: op.id, actor: op.user, created: 1, ..Row::new(NOTE, Key::made(op.id, 0)) };
    row.with(0, Value::int(op.value(0)))
}

/// Every device tells every other one its notes, again and again; a mute one says nothing, and an untold one does not say
/// whose a note is.
#[derive(Clone, Copy)]
struct Notes {
    mute: bool,
    untold: bool,
}

type Disk = BTreeMap<Key, Row>;

#[derive(Clone)]
struct Told(Vec<Row>);
impl Message for Told {
    fn bytes(&self) -> u32 {
        32 * self.0.len() as u32
    }
}

impl System for Notes {
    type Message = Told;
    type Disk = Disk;
    type Device = Notes;
    type Server = Nobody<Told, Disk>;
    fn name(&self) -> &str {
        "notes"
    }
    fn domain(&self) -> &'static Domain {
        &NOTES
    }
    fn facts(&self) -> Facts {
        let reports = Reports { words: true, authors: !self.untold, ..Reports::NOTHING };
        Facts {
            server: false,
            longest_period: Span::secs(10),
            reports,
            goals: &["none", "one", "two", "three", "four"],
            ..Facts::new(&["told", "tick"])
        }
    }
    fn disk(&self, who: NodeId, _: u32, rows: &mut dyn Iterator<Item = Row>) -> Disk {
        assert!(!who.is_server() || rows.next().is_none(), "there is no server to hold opening rows");
        rows.map(|row| (row.key, row)).collect()
    }
    fn device(&self, _: NodeId, _: &Disk) -> Notes {
        *self
    }
    fn server(&self, _: &Disk) -> Nobody<Told, Disk> {
        panic!("nobody starts a server where there is none")
    }
}

impl Node for Notes {
    type Message = Told;
    type Disk = Disk;
    fn handle(&mut self, disk: &mut Disk, input: Input<Told>, cx: &mut Context<Told>) {
        match input {
            Input::Op(op) => {
                let origin = if self.untold { OpId::NONE } else { op.id };
                let made = Row { origin, set_by: [origin; FIELDS], ..note(&op) };
                disk.insert(made.key, made);
                cx.wrote(None, Some(made), op.id, Why::Effect);
                cx.tell(op.id, Word::Saved);
            }
            // Both ends of an exchange take steps and draw luck, and must not get into each other's way by their names.
            Input::Message { message: Told(rows), .. } if rows.is_empty() => {
                let n = cx.draw(5);
                cx.reach(n as u32);
            }
            Input::Message { from, message: Told(rows) } => {
                for row in rows {
                    let before = disk.insert(row.key, row);
                    cx.wrote(before, Some(row), OpId::NONE, Why::Copied);
                }
                let n = cx.draw(3);
                cx.work(Span::millis(n));
                cx.reply(from, cx.request(), [], Told(Vec::new()));
            }
            Input::Booted => cx.set_timer(TICK, Span::secs(10), None),
            Input::Timer(_) => {
                let rows: Vec<Row> = disk.values().copied().collect();
                for other in cx.others().filter(|_| !self.mute) {
                    cx.send(other, TOLD, cx.cause(), rows.iter().map(|row| row.origin), Told(rows.clone()));
                }
                cx.set_timer(TICK, Span::secs(10), None);
            }
            _ => {}
        }
    }
    fn rows(&self, disk: &Disk, visit: &mut dyn FnMut(&Row)) {
        disk.values().for_each(visit);
    }
}

/// One note on the first of three devices.
fn one_note(schedule: Vec<Deviation>) -> Scenario {
    let mut story = Scenario::new(&NOTES);
    story.devices = ["ada", "ben", "cem"].map(String::from).to_vec();
    let op = Op::new(OpId(1), NodeId(1), Verb(0)).line(Key::NONE, 7);
    story.steps = vec![Step { at: Time::ZERO + Span::secs(1), op }];
    story.op_names.insert(OpId(1), "write-1".into());
    story.heal = Time::ZERO + Span::secs(15);
    Scenario { schedule, ..story }
}

const TALKING: Notes = Notes { mute: false, untold: false };
const UNTOLD: Notes = Notes { untold: true, ..TALKING };

#[test]
fn a_note_goes_from_device_to_device_and_nobody_sits_in_the_server_s_place() {
    let outcome = TALKING.run(&one_note(vec![]), Luck::Replay, true);
    assert_eq!((outcome.violations.as_slice(), outcome.mistake.as_ref()), ([].as_slice(), None));
    assert_eq!((outcome.reached_server, outcome.rested), (1, true));
    let rows: Vec<usize> = outcome.end.as_ref().expect("it was recorded").rows.iter().map(Vec::len).collect();
    assert_eq!(rows, [0, 1, 1, 1]);
    assert!(
        outcome.trace.iter().all(|event| !event.node.is_server() || matches!(event.what, What::Healed | What::Rested))
    );
}

#[test]
fn the_story_has_a_column_for_each_device_and_none_for_a_server() {
    let outcome = TALKING.run(&one_note(vec![]), Luck::Replay, true);
    let facts = System::facts(&TALKING);
    for width in [160, 40] {
        let story = table(&one_note(vec![]), &facts, &outcome, Style { width, ..Style::default() });
        assert!(!story.contains("server") && story.contains("ben") && story.contains("told write-1"), "{story}");
    }
    let story = table(&one_note(vec![]), &facts, &outcome, Style::default());
    assert!(story.contains("told write-1 ─"), "{story}");
}

#[test]
fn what_would_strike_a_server_strikes_nobody_and_is_reported_as_unused() {
    let label = Label::interference(NodeId::SERVER, Point::Kill, 1);
    let kill = Deviation { label, fate: Fate::During(Time::ZERO + Span::secs(2), Span::secs(3), 0) };
    let struck = TALKING.run(&one_note(vec![kill]), Luck::Replay, false);
    assert_eq!(struck.unused, [kill]);
    assert_eq!(struck.fingerprint, TALKING.run(&one_note(vec![]), Luck::Replay, false).fingerprint);
}

#[test]
fn a_drawn_run_replays_to_the_same_fingerprint_with_every_deviation_used() {
    for profile in ["default", "heavy"].map(|name| Profile::find(name).unwrap()) {
        for seed in 0..150 {
            let (scenario, luck) = generate(&NOTES, &profile, seed);
            let drawn = TALKING.run(&scenario, luck, false);
            let again = TALKING.run(&explicit(&scenario, &drawn), Luck::Replay, false);
            assert_eq!(again.fingerprint, drawn.fingerprint, "{} seed {seed}", profile.name);
            assert_eq!(again.unused, [], "{} seed {seed}", profile.name);
        }
    }
}

#[test]
fn a_campaign_demands_no_server_fault_and_that_some_op_reaches_another_device() {
    let profile = Profile::find("default").unwrap();
    let judged = |system: Notes| {
        let report = Campaign::new(Arc::new(system), profile, 0..300).run(&|_| {});
        (vacuity(&report, &profile, &system), report)
    };
    let (vacuity, report) = judged(TALKING);
    assert_eq!((vacuity.empty, report.findings.len()), (false, 0), "{:?}", report.broken);
    for server_fault in ["server-kill", "overload", "restore"] {
        assert!(!vacuity.faults_never.contains(&server_fault), "{server_fault}");
    }
    assert!(vacuity.not_applicable.contains(&("conflicts-decided", "there is no server")));
    let (vacuity, report) = judged(Notes { mute: true, ..TALKING });
    assert_eq!((vacuity.empty, vacuity.verdict), (true, Verdict::Vacuous));
    assert!(report.broken.iter().any(|one| one.identity.invariant == "no-op-lost"));
}

#[test]
fn a_system_that_does_not_say_whose_a_note_is_has_reached_other_devices_all_the_same() {
    let outcome = UNTOLD.run(&one_note(vec![]), Luck::Replay, false);
    assert_eq!((outcome.violations.as_slice(), outcome.reached_server), ([].as_slice(), 1));
    let profile = Profile::find("default").unwrap();
    let report = Campaign::new(Arc::new(UNTOLD), profile, 0..100).run(&|_| {});
    let found = vacuity(&report, &profile, &UNTOLD);
    assert_eq!((found.empty, report.failed, report.mistakes.len()), (false, 0, 0), "{:?}", report.broken);
    assert!(found.not_applicable.contains(&("deleted-stays-deleted", "it does not report which op set a field")));
    let mute = Notes { mute: true, ..UNTOLD }.run(&one_note(vec![]), Luck::Replay, false);
    assert_eq!((mute.broken(), mute.reached_server), (vec!["no-op-lost"], 0));
}
