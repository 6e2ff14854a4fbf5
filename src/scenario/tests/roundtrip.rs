//! What is written is read back as the same story, whatever a campaign or a shrinker made of it.

use super::super::{
    Delay, EntityExpectation, Expectation, Found, NodeExpectation, RowExpectation, Story, VerdictName, write,
};
use super::{CHANNELS, INVARIANTS, LAST_FIVE, read};
use crate::model::domain::{Dice, Setting};
use crate::model::{Class, Entity, Key, Network, Op, Scenario, Step, Value, Verb, retail};
use crate::sim::label::{Cause, Channel, Label, NodeId, OpId, Point};
use crate::sim::{Deviation, Draw, Fate, Span, Time};
use crate::system::Word;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Any story of the shop: invented, then with rows and ops taken out as a shrinker would.
pub fn any_story(seed: u64) -> Story {
    let mut dice = Dice::new(Draw(seed));
    let mut scenario = Scenario::new(&retail::RETAIL);
    scenario.devices = (1..=dice.between(1, 4)).map(|n| format!("till-{n}")).collect();
    scenario.rows = (scenario.domain.opening)(scenario.domain, &mut dice, seed.is_multiple_of(2));
    scenario.rows.sort_by_key(|(_, row)| row.entity);
    invent_steps(&mut scenario, &mut dice);
    if dice.one_in(2) {
        scenario.steps.retain(|_| !dice.one_in(3));
        scenario.rows.retain(|_| !dice.one_in(4));
        let kept: Vec<OpId> = scenario.steps.iter().map(|step| step.op.id).collect();
        scenario.op_names.retain(|op, _| kept.contains(op));
    }
    scenario.schedule = invent_schedule(&scenario, &mut dice);
    scenario.heal = if dice.one_in(5) { Time::NEVER } else { Time(far(&mut dice)) };
    scenario.network = match dice.below(3) {
        0 => Network::default(),
        1 => Network::THREE_G,
        _ => Network { latency: Span(dice.below(1 << 30)), bandwidth: dice.below(1 << 30) },
    };
    scenario.empty_devices = dice.one_in(3);
    let expect = ["as-found", "sound"].into_iter().filter(|_| dice.one_in(2)).map(str::to_string).collect::<Vec<_>>();
    let expect = expect.into_iter().map(|system| invent_expectation(system, &scenario, &mut dice)).collect();
    let found = Found { system: "sound".into(), seed, profile: "default".into() };
    Story {
        title: format!("Story {seed}: \"quoted\", tabs\t and é"),
        about: dice.one_in(2).then(|| "Line one.\nLine two.".to_string()),
        scenario,
        channels: CHANNELS,
        expect,
        found: dice.one_in(2).then_some(found),
    }
}

/// Up to a day and a half, in microseconds.
fn far(dice: &mut Dice) -> u64 {
    dice.below(1 << 32) * 32 + dice.below(32)
}

fn invent_steps(scenario: &mut Scenario, dice: &mut Dice) {
    let rows: Vec<_> = scenario.rows.iter().map(|(_, row)| *row).collect();
    let (mut ops, mut counts): (Vec<Op>, _) = (Vec::new(), BTreeMap::new());
    for number in 1..=dice.below(24) as u32 {
        let node = NodeId(1 + dice.below(scenario.devices.len() as u64) as u16);
        let mut op = Op::new(OpId(number), node, Verb(0));
        if dice.one_in(6) {
            op.user = 40;
        }
        let setting = Setting { domain: scenario.domain, rows: &rows, ops: &ops, hot: false };
        let Some(op) = (scenario.domain.invent)(dice, &setting, op) else { continue };
        ops.push(op);
        let stem = scenario.domain.verb(&op).stem;
        *counts.entry(stem).or_insert(0) += 1;
        let name = if dice.one_in(8) { format!("the-op-{number}") } else { format!("{stem}-{}", counts[stem]) };
        scenario.op_names.insert(op.id, name);
        scenario.steps.push(Step { at: Time(far(dice)), op });
    }
}

fn invent_schedule(scenario: &Scenario, dice: &mut Dice) -> Vec<Deviation> {
    let mut fates: BTreeMap<Label, Vec<Fate>> = BTreeMap::new();
    for _ in 0..dice.below(20) {
        let node = NodeId(dice.below(scenario.devices.len() as u64 + 1) as u16);
        let span = Span(far(dice));
        let point = [
            Point::Send,
            Point::Reply,
            Point::Timer,
            Point::Step,
            Point::Draw,
            Point::Offline,
            Point::Limited,
            Point::ClockOffset,
            Point::ClockDrift,
            Point::ClockJump,
            Point::Kill,
            Point::Wipe,
            Point::Overload,
            Point::Upgrade,
        ][dice.below(14) as usize];
        let cause = match (dice.below(4), scenario.steps.as_slice()) {
            (0, _) | (_, []) => Cause::Tick(Channel(3), dice.below(9) as u32),
            (1, _) => Cause::Boot(dice.below(9) as u32),
            (2, _) => Cause::Finish,
            (_, steps) => Cause::Op(steps[dice.below(steps.len() as u64) as usize].op.id),
        };
        let plain = Label::new(node, Channel(dice.below(4) as u8), cause, point);
        let plain = plain.attempt(dice.below(3) as u32).number(dice.below(3) as u32);
        let during = |by| Fate::During(Time(span.0 / 2), span, by);
        let fate = match point {
            Point::Send | Point::Reply => match dice.below(5) {
                0 => Fate::Drop,
                1 => Fate::Truncate,
                2 => Fate::Delay(span),
                3 => Fate::Duplicate(span),
                _ => Fate::Corrupt(dice.below(1 << 32) as u32),
            },
            Point::Timer => Fate::Late(span),
            Point::Step => [Fate::Pause(span), Fate::KillBefore(span), Fate::KillAfter(span)][dice.below(3) as usize],
            Point::Draw => Fate::Value(u64::MAX - dice.below(9)),
            Point::ClockOffset | Point::ClockJump => during(far(dice) as i64 - (1 << 36)),
            Point::ClockDrift => during(dice.between(-500, 500)),
            Point::Limited => during(dice.between(1, 9_000)),
            _ => during(0),
        };
        if !point.is_interference() {
            fates.entry(plain).or_default().push(fate);
        } else {
            let device = NodeId(node.0.max(1));
            fates.entry(Label::interference(device, point, dice.below(3) as u32)).or_default().push(fate);
        }
    }
    let pairs = fates.into_iter().flat_map(|(label, fates)| fates.into_iter().map(move |fate| (label, fate)));
    pairs.map(|(label, fate)| Deviation { label, fate }).collect()
}

fn invent_expectation(system: String, scenario: &Scenario, dice: &mut Dice) -> Expectation {
    let mut expected = Expectation { system, holds: dice.one_in(2), ..Expectation::default() };
    if !expected.holds {
        expected.violates = INVARIANTS[..1 + dice.below(2) as usize].iter().map(|name| name.to_string()).collect();
        expected.only = dice.one_in(2);
    }
    expected.vacuous = dice.one_in(4);
    for step in &scenario.steps {
        match dice.below(4) {
            0 => expected.told.push((step.op.id, Word::ALL[dice.below(9) as usize])),
            1 => expected.verdicts.push((step.op.id, VerdictName::ALL[dice.below(4) as usize])),
            2 => {
                let after = Span(dice.below(1 << 30) * dice.below(2));
                expected.delays.push((step.op.id, Delay { after, by: after + Span(dice.below(1 << 30)) }));
            }
            _ => {}
        }
    }
    for node in 0..=scenario.devices.len() as u16 {
        if dice.one_in(2) {
            continue;
        }
        let pending = (node > 0 && dice.one_in(2)).then(|| dice.below(9) as u32);
        let mut node = NodeExpectation { node: NodeId(node), pending, entities: Vec::new() };
        for entity in [retail::PRODUCT, retail::PRODUCT_BATCH, Entity::CONFLICT] {
            let mut held = EntityExpectation { entity, ..EntityExpectation::default() };
            held.count = dice.one_in(2).then(|| dice.below(9) as u32);
            let made = scenario.steps.iter().map(|step| Key::made(step.op.id, 0));
            let opening = scenario.rows.iter().filter(|(_, row)| row.entity == entity).map(|(_, row)| row.key);
            let keys: Vec<Key> = opening.chain(made).filter(|_| dice.one_in(5)).collect();
            for key in keys {
                let mut row = RowExpectation { key, absent: dice.one_in(3), ..RowExpectation::default() };
                let specs = scenario.domain.fields(entity).iter().enumerate().filter(|_| !row.absent);
                for (field, spec) in specs {
                    let value = match (dice.below(4), spec.class) {
                        (0, _) => Value::NULL,
                        (1, _) => Value::MISSING,
                        (_, Class::Reference(_)) => Value::key(Key(1)),
                        _ => Value::int(dice.between(-99, 99)),
                    };
                    row.fields.push((field as u8, value));
                }
                held.rows.push(row);
            }
            node.entities.push(held);
        }
        expected.nodes.push(node);
    }
    expected.note = dice.one_in(2).then(|| "as the documents say".to_string());
    expected
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_story_that_is_written_is_read_back_as_it_was(seed in any::<u64>()) {
        let story = any_story(seed);
        let text = write(&story);
        let back = read(&text).unwrap_or_else(|report| panic!("{report}\n{text}"));
        prop_assert_eq!(&back, &story, "{}", text);
        prop_assert_eq!(write(&back), text);
    }
}

#[test]
fn a_file_that_is_read_and_written_says_the_same_without_what_goes_without_saying() {
    let story = read(LAST_FIVE).unwrap();
    assert_eq!(story.scenario.heal, Time::ZERO + Span::secs(8));
    assert_eq!(story.scenario.op_name(OpId(1)), "sale-1");
    let text = write(&story);
    assert_eq!(read(&text).unwrap(), story);
    insta::assert_snapshot!(text, @r#"
    {
      "squall": 1,
      "title": "Two tills sell the same five units",
      "domain": "retail",
      "devices": ["abdoulaye", "fatoumata"],
      "rows": {
        "product": {
          "X": { "stock": 5, "price": 5000 }
        }
      },
      "steps": [
        { "at": "1s", "device": "abdoulaye", "sell": { "X": 5 } },
        { "at": "2s", "device": "fatoumata", "sell": { "X": 5 }, "id": "late-sale" },
        { "at": "4s", "device": "abdoulaye", "sync": "push" }
      ],
      "schedule": {
        "fatoumata.push.late-sale.try-1.send": { "delay": "3s" }
      },
      "expect": {
        "as-found": { "violates": ["stock-never-negative"], "server": { "product": { "X": { "stock": -5 } } } },
        "sound": { "holds": true, "told": { "late-sale": "rejected" } }
      }
    }
    "#);
}

#[test]
fn rows_keep_the_order_of_the_file_and_may_refer_further_down() {
    let text = super::with(
        r#"{ "product": { "X": { "stock": 5, "price": 5000 } } }"#,
        r#"{ "product_batch": { "lot-2": { "product": "Y", "quantity": 3 } }, "product": { "Z": {}, "Y": {}, "X": {} } }"#,
    );
    let story = read(&text).unwrap();
    let keys: Vec<(&str, u64)> = story.scenario.rows.iter().map(|(name, row)| (name.as_str(), row.key.0)).collect();
    assert_eq!(keys, [("lot-2", 1), ("Z", 1), ("Y", 2), ("X", 3)]);
    let batch = &story.scenario.rows[0].1;
    assert_eq!(batch.get(retail::field::BATCH_PRODUCT), Value::key(Key(2)));
    assert_eq!(batch.get(retail::field::BATCH_LOT), Value::NULL);
    assert_eq!(story.scenario.rows[1].1.get(retail::field::STOCK), Value::int(0));
}

#[test]
fn a_row_made_by_an_op_goes_by_the_name_of_the_op_and_a_cart_lends_its_lines() {
    let text = super::with(
        r#"{ "at": "4s", "device": "abdoulaye", "sync": "push" },"#,
        r#"{ "at": "4s", "device": "abdoulaye", "create-product": { "stock": 7, "price": 100 } },
    { "at": "5s", "device": "abdoulaye", "add-to-cart": { "product-1": 2, "X": 1 } },
    { "at": "6s", "device": "abdoulaye", "complete": "cart-1" }"#,
    );
    let story = read(&text).unwrap();
    let [.., cart, sale] = story.scenario.steps.as_slice() else { panic!("five steps") };
    assert_eq!(cart.op.lines()[0].key, Key::made(OpId(3), 0));
    assert_eq!((sale.op.earlier, sale.op.lines()), (cart.op.id, cart.op.lines()));
    assert_eq!(story.scenario.op_name(sale.op.id), "sale-3");
}

#[test]
fn whose_story_it_is_can_be_told_before_the_rest_is_understood() {
    let named = |text| super::super::systems_named("a.json", text);
    let text = r#"{ "found": { "system": "a" }, "steps": 7, "expect": { "b": 1, "c": {} } } // nothing else is read"#;
    assert_eq!(named(text), Ok(vec!["b".to_string(), "c".into(), "a".into()]));
    assert_eq!(named(r#"{ "expect": 3, "found": [] }"#), Ok(Vec::new()));
    for broken in ["", "[]", "{ \"expect\": {"] {
        assert!(named(broken).is_err(), "{broken}");
    }
}
